"""`cruddur dev-token`: tokens of the local pool that the server accepts, and every guard before them."""

import json
import pathlib
import socket
import stat
import threading
import urllib.parse
import uuid

import pytest

from harness.server import run

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_UNAVAILABLE = 0, 1, 2, 4, 5
PATH = "/api/activities/notifications"


@pytest.fixture
def pool(tmp_path):
    folder = tmp_path / "pool"
    done = run("dev-token", "--init", str(folder))
    assert done.returncode == EXIT_DONE, done.stderr
    return folder


@pytest.fixture
def local(database, pool):
    """The environment of bin/dev."""
    return {
        "FLASK_ENV": "development",
        "CONNECTION_URL": database.url,
        "AWS_COGNITO_JWKS_URL": f"file:{pool}/jwks.json",
        "AWS_COGNITO_ISSUER": "https://dev.cruddur.local",
        "AWS_COGNITO_USER_POOL_CLIENT_ID": "cruddur-dev",
    }


@pytest.fixture
def seeded(database):
    return database.add_user(sub="MOCK")


def token_for(handle, environment, *options):
    done = run("dev-token", handle, *options, **environment)
    assert done.returncode == EXIT_DONE, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def refused(code, part, *arguments, **environment):
    done = run("dev-token", *arguments, **environment)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert part in done.stderr
    return done.stderr


def sub_of(database, user):
    return database.value("select cognito_user_id from public.users where uuid = %s", user.uuid)


def test_the_server_knows_its_user(start_api, database, local, seeded):
    _, api = start_api(**local)
    token = token_for(seeded.handle, local)
    for _ in range(2):
        api.get(PATH, token).expect(200, [])
    message = {"message": "From a terminal", "ttl": "1-day"}
    posted = api.post("/api/activities", token, json=message).expect(200)
    assert posted["handle"] == seeded.handle


def test_a_seeded_user_gets_one_id_that_stays(database, local, seeded):
    other = database.add_user(sub="MOCK")
    token_for(seeded.handle, local)
    first = sub_of(database, seeded)
    assert uuid.UUID(first).version == 5
    assert first == str(
        uuid.uuid5(uuid.NAMESPACE_URL, f"https://dev.cruddur.local/{seeded.handle}")
    )
    token_for("@" + seeded.handle, local)
    assert sub_of(database, seeded) == first
    assert sub_of(database, other) == "MOCK"


def test_a_user_with_an_id_keeps_it(start_api, database, local):
    user = database.add_user()
    _, api = start_api(**local)
    api.get(PATH, token_for(user.handle, local)).expect(200)
    assert sub_of(database, user) == user.sub


def test_the_folder_may_be_named(local, pool, seeded):
    assert token_for(seeded.handle, local, "--dir", str(pool))
    local["AWS_COGNITO_JWKS_URL"] = f"file://{pool}/jwks.json"
    assert token_for(seeded.handle, local, "--expires", "60")


def test_init_is_repeatable_and_private(pool):
    before = [(pool / name).read_text() for name in ("private.pem", "jwks.json")]
    assert run("dev-token", "--init", str(pool)).returncode == EXIT_DONE
    assert before == [(pool / name).read_text() for name in ("private.pem", "jwks.json")]
    assert stat.S_IMODE((pool / "private.pem").stat().st_mode) == 0o600
    key = json.loads(before[1])["keys"][0]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert "d" not in key
    assert sorted(path.name for path in pool.iterdir()) == ["jwks.json", "private.pem"]


@pytest.mark.parametrize("environment", [None, "", "production", "Development", "test"])
def test_only_in_development(database, local, seeded, environment):
    local["FLASK_ENV"] = environment
    refused(EXIT_REFUSED, "FLASK_ENV", seeded.handle, **local)
    assert sub_of(database, seeded) == "MOCK"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://cognito-idp.ca-central-1.amazonaws.com/pool/.well-known/jwks.json",
        "http://localhost/jwks.json",
        "file:jwks.json",
        "file://elsewhere/jwks.json",
        "file:/%00",
    ],
)
def test_only_where_the_server_believes_a_local_pool(database, local, seeded, url):
    local["AWS_COGNITO_JWKS_URL"] = url
    refused(EXIT_REFUSED, "AWS_COGNITO_JWKS_URL", seeded.handle, **local)
    assert sub_of(database, seeded) == "MOCK"


def test_only_with_the_pool_that_the_server_believes(local, tmp_path, seeded):
    other = tmp_path / "other"
    run("dev-token", "--init", str(other))
    refused(EXIT_REFUSED, str(other), seeded.handle, "--dir", str(other), **local)
    local["AWS_COGNITO_JWKS_URL"] = f"file:{tmp_path}/missing/jwks.json"
    refused(EXIT_REFUSED, "--init", seeded.handle, **local)


def test_a_key_set_of_another_key_is_told(local, pool, tmp_path, seeded):
    other = tmp_path / "other"
    run("dev-token", "--init", str(other))
    pathlib.Path(pool / "jwks.json").write_text((other / "jwks.json").read_text())
    refused(EXIT_FAILED, "jwks.json", seeded.handle, **local)
    (pool / "private.pem").unlink()
    refused(EXIT_FAILED, "private.pem", seeded.handle, **local)


@pytest.fixture
def forwarded(pg_cluster):
    """A port of this machine that leads to the cluster's socket."""
    target = f"{pg_cluster.folder}/.s.PGSQL.5432"
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    def accept():
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(target)
        with client, server:
            back = threading.Thread(target=pump, args=(server, client))
            back.start()
            pump(client, server)
            back.join()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.mark.parametrize("host, code", [("localhost", EXIT_DONE), ("db.example.com", EXIT_REFUSED)])
def test_the_database_has_a_local_name(database, local, seeded, forwarded, host, code):
    name = database.value("select current_database()")
    local["CONNECTION_URL"] = (
        f"host={host} hostaddr=127.0.0.1 port={forwarded} dbname={name} user=postgres"
    )
    done = run("dev-token", seeded.handle, **local)
    assert done.returncode == code, done.stderr
    assert ("CONNECTION_URL" in done.stderr) == (code != EXIT_DONE)
    assert (sub_of(database, seeded) == "MOCK") == (code != EXIT_DONE)


def test_the_database_says_itself_that_it_is_here(database, local, seeded):
    """At the end of a tunnel from localhost is another machine: here a function says so."""
    database.run(
        """create schema elsewhere;
           create function elsewhere.inet_server_addr() returns inet language sql
           as $$ select '10.1.2.3'::inet $$"""
    )
    path = urllib.parse.quote("-csearch_path=elsewhere,pg_catalog,public")
    local["CONNECTION_URL"] += f"?options={path}"
    refused(EXIT_REFUSED, "not on this machine", seeded.handle, **local)
    assert sub_of(database, seeded) == "MOCK"


def test_a_database_that_is_down(local, tmp_path):
    local["CONNECTION_URL"] = f"host={tmp_path} dbname=x"
    refused(EXIT_UNAVAILABLE, "", "someone", **local)


def test_unknown_users_and_bad_settings(local):
    refused(EXIT_FAILED, "nobody_here", "nobody_here", **local)
    refused(EXIT_USAGE, "CONNECTION_URL", "someone", **{**local, "CONNECTION_URL": None})
    refused(EXIT_REFUSED, "AWS_COGNITO_ISSUER", "someone", **{**local, "AWS_COGNITO_ISSUER": None})
    refused(EXIT_USAGE, "CLIENT_ID", "x", **{**local, "AWS_COGNITO_USER_POOL_CLIENT_ID": None})


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [""],
        ["@"],
        ["a", "b"],
        ["a", "--expires"],
        ["a", "--expires", "0"],
        ["a", "--expires", "-1"],
        ["a", "--expires", "2592001"],
        ["a", "--expires", "1h"],
        ["a", "--dir", ""],
        ["--init"],
        ["--init", ""],
        ["--init", "x", "a"],
        ["--nonsense"],
    ],
)
def test_bad_arguments(local, arguments):
    refused(EXIT_USAGE, "cruddur dev-token: ", *arguments, **local)


def test_a_folder_that_cannot_be_made():
    refused(EXIT_FAILED, "/proc/none", "--init", "/proc/none")
