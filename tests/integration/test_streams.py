"""Standard descriptors that are closed, or that refuse what is written to them."""

import os
import socket
import subprocess
import time

import pytest

from harness.api import Api
from harness.balancer import free_ports
from harness.server import BINARY, START_TIMEOUT, ServerProcess, environment, run
from pg_cluster import query

FAILED = 1


def run_in_shell(redirection, *arguments, **settings):
    """The binary with its standard descriptors as a shell's redirection makes them."""
    command = ["sh", "-c", f'exec "$0" "$@" {redirection}', str(BINARY), *arguments]
    return subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True,
        timeout=START_TIMEOUT, check=False,
    )  # fmt: skip


def wait_until_listening(server, port):
    """It has no log that would tell."""
    while server.running():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError(f"the server ended with {server.wait()}")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_command_without_descriptors_does_its_work(fresh_database, closed):
    """Its connection to Postgres must not get their numbers, and so its text."""
    url = fresh_database()
    assert run_in_shell(closed, "migrate", CONNECTION_URL=url).returncode == 0
    assert run("status", CONNECTION_URL=url).returncode == 0
    assert query(url, "select count(*) from public.schema_migrations")[0][0] > 3


def test_a_server_without_descriptors(settings, description):
    """It serves and stops; nothing of its own has the numbers 0 to 2."""
    (port,) = free_ports(1)
    command = ["sh", "-c", f'exec "{BINARY}" serve <&- >&- 2>&-']
    server = ServerProcess(command, {**settings, "PORT": port})
    wait_until_listening(server, port)
    api = Api(port, description)
    api.wait_until_ready()
    for number in range(3):
        assert os.readlink(f"/proc/{server.process.pid}/fd/{number}") == "/dev/null"
    api.get("/api/activities/home").expect(200)
    api.close()
    server.terminate()
    assert server.wait() == 0


@pytest.mark.parametrize(
    "arguments", [["status"], ["status", "--json"], ["migrate", "--dry-run"], ["--help"],
                  ["--version"], ["config"], ["serve", "--help"], ["exit-codes"]],
)  # fmt: skip
def test_output_that_cannot_be_written_is_a_failure(database, arguments):
    done = run_in_shell(">/dev/full", *arguments, CONNECTION_URL=database.url)
    assert done.returncode == FAILED
    assert done.stderr.startswith("cruddur: the output cannot be written: ")


def test_another_failure_keeps_its_code(fresh_database):
    done = run_in_shell(">/dev/full", "status", CONNECTION_URL=fresh_database())
    assert done.returncode == 3
    assert "the output cannot be written" in done.stderr
