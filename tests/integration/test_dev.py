"""The developer's scripts: bin/dev, which runs everything, and bin/console. --watch builds, so it is
tried with CRUDDUR_TEST_FULL=1 only."""

import os
import pathlib
import shutil
import socket
import subprocess
import threading

import pytest

from harness import PROJECT
from harness.balancer import free_ports

FULL = os.environ.get("CRUDDUR_TEST_FULL") == "1"
EXIT_UNAVAILABLE = 5


@pytest.fixture
def clone(tmp_path):
    """The scripts and the SQL in a folder of their own: no other bin/dev has its lock."""
    for folder in ("bin", "db"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    return tmp_path


def call(clone, name, *arguments, **options):
    return subprocess.run([clone / "bin" / name, *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **options)


def test_a_taken_port_is_told_before_anything_is_done(clone):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call(clone, "dev", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (f"bin/dev: port {port} is in use; stop what listens there, or choose another: "
                           f"bin/dev --port {port + 1}\n")


def test_the_console_has_every_statement_by_name(clone, database, tmp_path):
    (clone / ".dev").mkdir()
    (clone / ".dev" / "connection_url").write_text(database.url + "\n")
    mine = tmp_path / "psqlrc"
    mine.write_text("\\set mine yes\n")
    user = database.add_user()
    database.add_activity(user, "seen in the console")
    sql = ("EXECUTE activities_home('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 1);"
           "SELECT count(*) FROM pg_prepared_statements; SELECT :'mine';")
    done = subprocess.run([clone / "bin" / "console", "--tuples-only", "--no-align"], input=sql, check=True,
                          capture_output=True, text=True, env={**os.environ, "PSQLRC": str(mine)})
    home, count, greeting = done.stdout.splitlines()
    assert "|seen in the console|" in home and greeting == "yes" and done.stderr == ""
    assert int(count) == len(list((PROJECT / "db" / "sql").glob("*/*.sql")))


def test_the_console_says_when_nothing_runs(clone):
    done = call(clone, "console")
    assert done.returncode == EXIT_UNAVAILABLE
    assert done.stderr == ("bin/console: the development database does not run; start it with bin/dev, in "
                           "another terminal\n")


class Watched:
    """bin/dev --watch in a clone, and what it has printed."""

    def __init__(self, clone, port):
        self.process = subprocess.Popen([clone / "bin" / "dev", "--watch", "--port", str(port)], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.lines, self.changed = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()

    def wait_for(self, text):
        with self.changed:
            found = self.changed.wait_for(lambda: any(text in line for line in self.lines), timeout=600)
            assert found, "\n".join(self.lines)
            self.lines.clear()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, "\n".join(self.lines)


@pytest.mark.skipif(not FULL, reason="it builds everything: CRUDDUR_TEST_FULL=1")
def test_watch_serves_what_was_written_last(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", PROJECT, clone], check=True)
    general: pathlib.Path = clone / "src" / "routes" / "general.c"
    text = general.read_text()
    port = free_ports(1)[0]

    def version():
        return subprocess.run(["curl", "-s", f"http://localhost:{port}/api/health-check"], check=True,
                              capture_output=True, text=True).stdout

    watched = Watched(clone, port)
    watched.wait_for("What follows is the server's log.")
    general.write_text(text + "static int broken(\n")
    watched.wait_for("That does not build, see above; the server of before goes on")
    assert version() == '{"success":true,"ver":1}'
    general.write_text(text.replace('\\"ver\\":1}', '\\"ver\\":2}'))
    watched.wait_for("The new server is ready")
    assert version() == '{"success":true,"ver":2}'
    watched.stop()
