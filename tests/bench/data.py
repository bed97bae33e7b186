"""The data that is measured on, and the statements that are: both sides get the same."""

import hashlib
import os
import pathlib
import re
import subprocess
import uuid

from cluster import psql

PROJECT = pathlib.Path(__file__).resolve().parents[2]
FILL = pathlib.Path(__file__).resolve().parent / "fill.sql"

# What the server binds for GET /api/activities/home?limit=20: no cursor, and one row more than asked,
# which tells whether there is another page.
HOME_LIMIT = 20
HOME_PARAMETERS = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff", str(HOME_LIMIT + 1))
HOME_PATH = f"/api/activities/home?limit={HOME_LIMIT}"

MESSAGE = "Measuring how fast a Crud is written, with a #tag and a @mention. " + "x" * 34
TTL, TTL_SECONDS = "7-days", 7 * 24 * 3600


def sub(number):
    """The `sub` of user `number`, as fill.sql makes it."""
    return str(uuid.UUID(hashlib.md5(f"sub {number}".encode()).hexdigest()))


def fill(binary, url, rows):
    """Makes the tables with the project's own migrations, and fills them."""
    environment = {**os.environ, "CONNECTION_URL": url}
    subprocess.run([binary, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
    psql(url, "-v", f"rows={rows}", "-f", str(FILL))
    psql(url, "-c", "VACUUM ANALYZE")
    psql(url, "-c", "CHECKPOINT")


def size(url):
    return psql(url, "-c", "SELECT pg_size_pretty(pg_database_size(current_database()))").strip()


def statement(name):
    """The text of a statement of db/sql without its comments."""
    text = (PROJECT / "db" / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip().rstrip(";")


class Expression(str):
    """A parameter that differs from one of pgbench's clients to the next: SQL with :client_id in it."""


def pgbench_script(name, parameters):
    """The statement as pgbench reads it: $1 becomes :p1, which -M prepared binds as a parameter, or the
    first parameter itself where that is an expression."""

    def place(match):
        value = parameters[int(match.group(1)) - 1]
        return f"({value})" if isinstance(value, Expression) else f":p{match.group(1)}"

    return re.sub(r"\$(\d+)", place, statement(name)) + ";\n"
