"""A database in another encoding than UTF8 is refused with a way out, and the way leads out."""

import re
import subprocess

import pytest

from harness.server import Server, run
from pg_cluster import psql, query
from private_postgres import BIN

REFUSED = 4
PLACE = {"LATIN1": b"caf\xe9", "SQL_ASCII": "caf\u00e9".encode()}


@pytest.fixture(params=sorted(PLACE))
def foreign(request, pg_cluster):
    """A database of the old backend, in another encoding, with a word of more than ASCII."""
    name = f"t_foreign_{request.param.lower()}"
    query(
        pg_cluster.url("postgres"),
        f"create database {name} encoding '{request.param}' locale 'C' template template0",
    )
    url = pg_cluster.url(name)
    psql(url, sql="create table words (word text)")
    words = PLACE[request.param]
    command = [f"{BIN}/psql", "-X", "-q", "-d", url, "-c", "copy words from stdin"]
    subprocess.run(
        command, input=words + b"\n", check=True, env={"PGCLIENTENCODING": request.param}
    )
    yield request.param, url
    pg_cluster.drop(url)


def test_commands_refuse_it(foreign):
    encoding, url = foreign
    for command in ("migrate", "status", "rollback"):
        done = run(command, CONNECTION_URL=url)
        assert done.returncode == REFUSED, done.stderr
        assert f"is {encoding}, and Cruddur needs UTF8" in done.stderr
    assert query(url, "select count(*) from pg_tables where schemaname = 'public'") == [(1,)]


@pytest.mark.parametrize("flags", [(), ("--migrate",)])
def test_the_server_refuses_it(foreign, settings, flags):
    encoding, url = foreign
    server = Server(*flags, **{**settings, "CONNECTION_URL": url})
    server.expect_end(REFUSED)
    reasons = [event["reason"] for event in server.log.find(level="error")]
    assert len(reasons) == 1 and f"is {encoding}, and Cruddur needs UTF8" in reasons[0]


def test_the_way_out(foreign, pg_cluster, settings):
    """The commands that the message names convert it, and the server serves from the result."""
    _, url = foreign
    said = run("migrate", CONNECTION_URL=url).stderr
    create, copy = re.findall(r"`([^`]+)`", said)
    name = url.rsplit("/", 1)[1]
    there = ["-h", pg_cluster.socket_folder, "-U", "postgres"]
    words = [word.replace("NEW", f"{name}_utf8") for word in create.split()]
    subprocess.run([f"{BIN}/{words[0]}", *there, *words[1:]], check=True)
    new_url = pg_cluster.url(f"{name}_utf8")
    dump, load = (side.split() for side in copy.split("|"))
    assert (dump[0], dump[1], load[0], load[-1]) == ("pg_dump", "OLD", "psql", "NEW")
    dumped = subprocess.run([f"{BIN}/pg_dump", url], check=True, capture_output=True).stdout
    subprocess.run([f"{BIN}/psql", *load[1:-1], "-q", "-X", new_url], input=dumped, check=True)
    assert query(new_url, "select word from words") == [("caf\u00e9",)]
    run("migrate", CONNECTION_URL=new_url).check_returncode()
    server = Server(**{**settings, "CONNECTION_URL": new_url})
    assert server.log.wait_for(message="postgres connected")
    server.stop()
    pg_cluster.drop(new_url)
