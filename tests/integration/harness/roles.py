"""A login of the server's own: its sessions can be counted, limited and given settings by an operator."""

import uuid

GRANTS = """
grant usage on schema public to {name};
grant select, insert, update, delete on all tables in schema public to {name};
"""


class Role:
    """`options` as in CREATE ROLE, for example "connection limit 4"."""

    def __init__(self, cluster, database, options="", name=None):
        self.database = database
        self.name = name or "app_" + uuid.uuid4().hex[:10]
        self.url = cluster.url(database.value("select current_database()"), user=self.name)
        database.run(f"create role {self.name} login {options}")
        database.run(GRANTS.format(name=self.name))

    def set(self, setting, value):
        """ALTER ROLE … SET, as an operator does it: for sessions that begin later."""
        self.database.run(f"alter role {self.name} set {setting} = %s", value)

    def sessions(self, condition="true"):
        """How many sessions of the role there are, of those with `condition` in pg_stat_activity."""
        return self.database.value(self.count_sql(condition))

    def wait_for_sessions(self, most):
        """Waits until there are at most `most`: one that was closed takes a moment to go."""
        self.database.wait_until(f"select ({self.count_sql('true')}) <= %s", most)

    def pids(self, condition="true"):
        sql = f"select pid from pg_stat_activity where usename = %s and {condition}"
        return [row[0] for row in self.database.run(sql, self.name)]

    def count_sql(self, condition):
        return f"select count(*) from pg_stat_activity where usename = '{self.name}' and {condition}"

    def drop(self):
        """When the server that used it is gone."""
        self.database.run(f"drop owned by {self.name}")
        self.database.run(f"drop role {self.name}")
