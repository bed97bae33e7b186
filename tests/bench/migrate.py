#!/usr/bin/python3
"""Applies COUNT (1000) migrations, each in its transaction, with `cruddur migrate` and with one psql, in
alternating turns on fresh databases of a private Postgres with its settings as they come (it syncs each
commit), and prints the medians of five turns and their ratio. More than 2 fails.

    bin/build && /usr/bin/python3 tests/bench/migrate.py [COUNT]
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from cluster import Cluster, psql
from harness.server import BINARY

TURNS = 5
MOST = 2  # times psql's time

MIGRATION = """-- migrate:up
CREATE TABLE table_{0} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE INDEX table_{0}_name ON table_{0} (name);
INSERT INTO table_{0} (name) VALUES ('first');
-- migrate:down
DROP TABLE table_{0};
"""


def write_migrations(folder, count):
    """A file a migration, and what they do in one file for psql."""
    script = []
    for number in range(count):
        text = MIGRATION.format(number)
        (folder / f"170000{number:04}0000000_table_{number}.sql").write_text(text, encoding="ascii")
        script.append(f"BEGIN;\n{text.partition('-- migrate:down')[0]}COMMIT;\n")
    every = folder.with_suffix(".sql")
    every.write_text("".join(script), encoding="ascii")
    return every


def seconds(command, server, **environment):
    """How long a command takes on a fresh database; `URL` in it is the database's."""
    psql(server.url("postgres"), "-c", "DROP DATABASE IF EXISTS bench", "-c", "CREATE DATABASE bench",
         "-c", "CHECKPOINT")
    url = server.url("bench")
    command = [url if part == "URL" else str(part) for part in command]
    begin = time.monotonic()
    subprocess.run(command, check=True, env={**os.environ, "CONNECTION_URL": url, **environment},
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def main(count):
    taken = {"psql": [], "cruddur": []}
    with tempfile.TemporaryDirectory() as scratch, Cluster() as server:
        folder = pathlib.Path(scratch) / "migrations"
        folder.mkdir()
        every = write_migrations(folder, count)
        for _ in range(TURNS):
            taken["psql"].append(seconds(
                ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "URL", "-f", every], server))
            taken["cruddur"].append(seconds([BINARY, "migrate", "--dir", folder], server))
    median = {name: statistics.median(values) for name, values in taken.items()}
    ratio = median["cruddur"] / median["psql"]
    print(f"{count} migrations: psql {median['psql']:.2f} s, cruddur migrate {median['cruddur']:.2f} s, "
          f"ratio {ratio:.2f} (at most {MOST})")
    return 1 if ratio > MOST else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
