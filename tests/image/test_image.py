"""The production image: what is in it, and that it runs as it will in production."""

import os
import pathlib
import socket
import stat
import subprocess

import pytest

from harness.api import Api
from harness.description import PROJECT
from harness.server import Server, run
from harness.tokens import CLIENT_ID, ISSUER, token_for
from pg_cluster import psql, query

SIZE_LIMIT = 15 * 1000 * 1000
EXECUTABLE = "usr/local/bin/cruddur"


def added(files, base_files):
    """The files that the image has and the base has not, or has otherwise."""
    result = []
    for folder, _, names in os.walk(files):
        for name in names:
            path = pathlib.Path(folder, name)
            below = path.relative_to(files)
            old = base_files / below
            if path.is_symlink() or not path.is_file():
                continue
            if not old.is_file() or old.read_bytes() != path.read_bytes():
                result.append(below)
    return result


def test_size(files, base_files):
    size = sum((files / path).stat().st_size for path in added(files, base_files))
    print(f"the image adds {size} bytes to its base")
    assert size <= SIZE_LIMIT


def test_only_what_runs_is_in_it(files, base_files):
    allowed = (EXECUTABLE, "usr/lib/", "usr/share/doc/", "var/lib/dpkg/status.d/", "etc/ssl/certs/ca-certificates.crt", "etc/ssl/rds/",
               "etc/passwd", "etc/group")
    strange = [str(path) for path in added(files, base_files) if not str(path).startswith(allowed)]
    assert strange == []
    for path in added(files, base_files):
        if str(path).startswith("usr/lib/"):
            assert ".so" in path.name, path


def test_nothing_is_writable_or_privileged(files, base_files):
    for path in added(files, base_files):
        mode = (files / path).stat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), path
        assert (files / path).stat().st_uid == 0, path


def test_every_library_is_named_to_scanners(files, base_files):
    libraries = [path for path in added(files, base_files) if str(path).startswith("usr/lib/")]
    notes = list((files / "var/lib/dpkg/status.d").iterdir())
    assert libraries and notes
    for note in notes:
        assert f"Package: {note.name}\n" in note.read_text()
        assert (files / "usr/share/doc" / note.name / "copyright").is_file()


def test_the_executable_is_hardened_and_stripped(files):
    def readelf(option):
        return subprocess.run(["readelf", "--wide", option, str(files / EXECUTABLE)], check=True, text=True,
                              capture_output=True).stdout

    assert "DYN" in readelf("--file-header")  # position-independent
    assert "GNU_RELRO" in readelf("--segments") and "RWE" not in readelf("--segments")
    assert "NOW" in readelf("--dynamic") and "RUNPATH" not in readelf("--dynamic")
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols and "_chk@" in symbols
    assert ".symtab" not in readelf("--sections") and ".debug_info" not in readelf("--sections")


def test_what_it_says_about_itself(config):
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["cruddur"] and config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "cruddur", "health-check"]
    assert "4567/tcp" in config["ExposedPorts"]
    assert list(config["Volumes"]) == ["/tmp"]  # for the report of a crash; all else is read-only
    labels = config["Labels"]
    head = subprocess.run(["git", "-C", str(PROJECT), "rev-parse", "HEAD"], text=True, capture_output=True, check=False)
    assert labels["org.opencontainers.image.title"] == "cruddur"
    assert len(labels["org.opencontainers.image.revision"]) == len(head.stdout.strip())


@pytest.fixture(scope="module")
def url(pg_cluster):  # noqa: F811
    """A database with the schema, from before the migrations."""
    url = pg_cluster.fresh_database()
    psql(url, "-f", str(PROJECT / "db" / "schema.sql"))
    return url


@pytest.fixture(scope="module")
def migrated(url):
    """Migrated by the image: the migrations are inside."""
    done = run("migrate", CONNECTION_URL=url)
    assert done.returncode == 0, done.stderr + done.stdout
    psql(url, "-f", str(PROJECT / "db" / "seed.sql"))
    return url


@pytest.fixture
def server(migrated, jwks):
    server = Server(PORT="0", CONNECTION_URL=migrated, FRONTEND_URL="https://cloudnoww.test",
                    BACKEND_URL="https://api.cloudnoww.test", AWS_COGNITO_USER_POOL_CLIENT_ID=CLIENT_ID,
                    AWS_COGNITO_ISSUER=ISSUER, AWS_COGNITO_JWKS_URL=jwks.url)
    yield server
    server.stop()


def test_it_migrates(migrated):
    newest = max(path.name.split("_")[0] for path in (PROJECT / "db" / "migrations").iterdir())
    assert query(migrated, "SELECT last_successful_run FROM schema_information") == [(newest,)]
    assert run("status", CONNECTION_URL=migrated).returncode == 0


def test_it_serves(server, migrated, key, description):
    api = Api(server.port, description)
    api.wait_until_ready()
    assert api.get("/api/activities/home").status == 200
    sub = "11111111-2222-4333-8444-555555555555"
    query(migrated, "UPDATE users SET cognito_user_id = %s WHERE handle = 'andrewbrown'", sub)
    answer = api.post("/api/activities", token=token_for(key, sub), json={"message": "from the image", "ttl": "1-day"})
    assert answer.status == 200, answer
    assert any(row["message"] == "from the image" for row in api.get("/api/activities/home").json())
    api.close()


def test_it_is_healthy_without_shell_or_curl(server):
    assert run("health-check", PORT=server.port).returncode == 0
    assert run("health-check", "--ready", PORT=server.port).returncode == 0


def test_without_a_server_it_is_not_healthy():
    with socket.socket() as nobody:  # bound, so that no other takes the port, but not listening
        nobody.bind(("127.0.0.1", 0))
        assert run("health-check", PORT=nobody.getsockname()[1]).returncode == 1


def test_it_runs_as_nobody_in_particular_and_cannot_write(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == ["65532"] * 4 and fields["Gid"].split() == ["65532"] * 4
    assert int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    mounts = pathlib.Path(f"/proc/{server.process.pid}/mountinfo").read_text().splitlines()
    roots = [line.split() for line in mounts if line.split()[4] == "/"]
    assert roots and roots[-1][5].split(",")[0] == "ro"


def test_it_stops_when_told(migrated, jwks):
    server = Server(PORT="0", CONNECTION_URL=migrated, FRONTEND_URL="https://cloudnoww.test",
                    BACKEND_URL="https://api.cloudnoww.test", AWS_COGNITO_USER_POOL_CLIENT_ID=CLIENT_ID,
                    AWS_COGNITO_ISSUER=ISSUER, AWS_COGNITO_JWKS_URL=jwks.url)
    server.stop()
    assert server.wait() == 0


def test_it_is_the_post_confirmation_function_too(migrated):
    event = ('{"request":{"userAttributes":{"sub":"99999999-2222-4333-8444-555555555555","name":"Image",'
             '"email":"image@example.com","preferred_username":"image"}}}')
    wrapper = os.environ["CRUDDUR_BINARY"]
    done = subprocess.run([wrapper, "post-confirmation"], input=event, text=True, capture_output=True, timeout=60,
                          env={**os.environ, "CONNECTION_URL": migrated}, check=False)
    assert done.returncode == 0 and done.stdout == event, done.stderr
    assert query(migrated, "SELECT count(*) FROM users WHERE handle = 'image'") == [(1,)]


def test_its_certificates_are_where_it_looks(files):
    text = (files / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert text.count("BEGIN CERTIFICATE") > 100


def test_the_authorities_of_rds_are_in_it_where_they_were_fetched(files):
    bundle = PROJECT / "aws/rds/global-bundle.pem"
    inside = files / "etc/ssl/rds/global-bundle.pem"
    assert inside.exists() == bundle.exists()
    assert not bundle.exists() or inside.read_bytes() == bundle.read_bytes()
