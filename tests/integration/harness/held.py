"""Statements that hang in Postgres until the test lets them go on, with no lock on any table.

A row policy on activities calls a function for each row that is read or written; notifications, which
may read none of them, are held where they read users. It waits for an
advisory lock where the statement's own text says that it is one of those; the statement has its snapshot
by then. Policies bind neither superusers nor owners: the server needs a Role of its own. The wait counts
as one for a lock (wait_event_type) and ends at statement_timeout.

    held = HeldStatements(database)
    with held.holding("concerns AS"): …
"""

import contextlib

LOCK = 7311  # the advisory lock's key: any number that nobody else takes

POLICY = f"""
create table public.held_statements (pattern text not null);
grant select on public.held_statements to public;
create function public.let_go_on() returns boolean language plpgsql stable as $$
begin
  if exists (select from public.held_statements where current_query() like '%%' || pattern || '%%')
  then
    perform pg_advisory_xact_lock_shared({LOCK});
  end if;
  return true;
end $$;
create policy let_go_on on public.activities using (public.let_go_on()) with check (public.let_go_on());
alter table public.activities enable row level security;
create policy let_go_on on public.users
  using (current_query() not like '%%concerns AS%%' or public.let_go_on()) with check (true);
alter table public.users enable row level security;
"""


class HeldStatements:
    def __init__(self, database):
        self.database = database
        database.run(POLICY.replace("%%", "%"))

    @contextlib.contextmanager
    def holding(self, pattern):
        """Statements with `pattern` in their text wait until the end."""
        session = self.database.session()
        with session.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (LOCK,))
        session.commit()
        self.database.run("insert into public.held_statements values (%s)", pattern)
        try:
            yield
        finally:
            self.database.run("delete from public.held_statements")
            session.close()
