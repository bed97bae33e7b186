"""The image of Dockerfile, for docker-compose.yml: it serves from an empty database."""

import json
import subprocess

import pytest

from conftest import FOLDER
from harness.api import Api
from harness.description import PROJECT
from harness.server import Server, run
from harness.tokens import CLIENT_ID, ISSUER
from pg_cluster import query


@pytest.fixture(scope="module")
def local_config():
    return json.loads((FOLDER / "local-inspect.json").read_text())["Docker"]["config"]


def test_what_it_says_about_itself(local_config):
    assert local_config["User"] == "65532:65532"
    assert local_config["Entrypoint"] == ["cruddur"] and local_config["Cmd"] == ["serve", "--migrate"]
    assert local_config["StopSignal"] == "SIGTERM"
    assert local_config["Healthcheck"]["Test"] == ["CMD", "cruddur", "health-check"]
    assert set(local_config["ExposedPorts"]) == {"4567/tcp", "9090/tcp"}


def test_its_executable_is_for_debugging():
    executable = FOLDER / "local-files/src/build/debug/cruddur"
    sections = subprocess.run(["readelf", "--wide", "--sections", str(executable)], check=True, text=True,
                              capture_output=True).stdout  # fmt: skip
    assert ".debug_info" in sections and ".symtab" in sections


def test_it_serves_from_an_empty_database(pg_cluster, jwks, description, local_config):
    url = pg_cluster.fresh_database()
    server = Server(*local_config["Cmd"][1:], PORT="0", CONNECTION_URL=url, FRONTEND_URL="http://localhost:3000",
                    BACKEND_URL="http://localhost:4567", AWS_COGNITO_USER_POOL_CLIENT_ID=CLIENT_ID,
                    AWS_COGNITO_ISSUER=ISSUER, AWS_COGNITO_JWKS_URL=jwks.url)  # fmt: skip
    api = Api(server.port, description)
    api.wait_until_ready()
    api.get("/api/activities/home").expect(200, [])
    api.close()
    assert run("health-check", PORT=server.port).returncode == 0
    newest = max(path.name.split("_")[0] for path in (PROJECT / "db" / "migrations").iterdir())
    assert query(url, "SELECT last_successful_run FROM schema_information") == [(newest,)]
    server.stop()
