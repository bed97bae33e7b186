"""Bad settings stop the start with one line that names the variable; secrets are never printed."""

import http.server
import os
import socket
import threading

import pytest

from harness.server import run

EXIT_FAILED, EXIT_USAGE, EXIT_UNAVAILABLE = 1, 2, 5
SECRET = "s3cret-Passw0rd"


def refused(settings, name, code=EXIT_USAGE, **changes):
    done = run("serve", **{**settings, **changes})
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert name in lines[0]
    assert SECRET not in done.stderr + done.stdout
    return lines[0]


@pytest.mark.parametrize(
    "name", ["CONNECTION_URL", "FRONTEND_URL", "BACKEND_URL", "AWS_COGNITO_USER_POOL_CLIENT_ID"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting(settings, name, value):
    line = refused(settings, name, **{name: value})
    assert f"{name}=" in line, "an example"


@pytest.mark.parametrize(
    "name, values",
    [
        ("PORT", ["abc", "-1", "65536", "4567x", " 4567", "0x10", "99999999999999999999"]),
        ("CRUDDUR_LOOPS", ["x", "-1", "65"]),
        ("CRUDDUR_PG_CONNECTIONS", ["1", "3", "257", "many"]),
        ("CRUDDUR_PG_PIPELINE_DEPTH", ["0", "1.5"]),
        ("CRUDDUR_PG_QUEUE_LIMIT", ["0", "-5"]),
        ("CRUDDUR_PG_DEADLINE_MS", ["0", "49", "1s"]),
        ("CRUDDUR_PG_PREPARE", ["maybe", "2"]),
        ("CRUDDUR_MAX_CONNECTIONS", ["-1", "x"]),
        ("CRUDDUR_IDLE_TIMEOUT_S", ["0"]),
        ("CRUDDUR_RECEIVE_TIMEOUT_S", ["0"]),
        ("CRUDDUR_SEND_TIMEOUT_S", ["0"]),
        ("CRUDDUR_DRAIN_DELAY_S", ["-1", "61"]),
        ("CRUDDUR_DRAIN_TIMEOUT_S", ["0"]),
        ("CRUDDUR_WRITE_LIMIT_PER_USER", ["60", "0/minute", "60/day", "60 per minute", "1000001/hour"]),
        ("CRUDDUR_WRITE_LIMIT_PER_ADDRESS", ["x", "-1/second", "1.5/second"]),
        ("CRUDDUR_TRUSTED_PROXIES", ["alb", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8 fd00::/8", "10.0.0.0/8,,"]),
        ("LOG_LEVEL", ["loud"]),
        ("OTEL_TRACES_SAMPLER_ARG", ["half", "1.1", "nan"]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ["localhost:4318", "ftp://x"]),
        ("ROLLBAR_API_URL", ["api.rollbar.com"]),
        ("AWS_COGNITO_JWKS_URL", ["ftp://x/jwks.json", "jwks.json"]),
        ("FRONTEND_URL", ["cloudnoww.com", "https://cloudnoww.com/path"]),
        ("BACKEND_URL", ["api"]),
    ],
)
def test_a_bad_setting(settings, name, values):
    for value in values:
        line = refused(settings, name, **{name: value})
        assert f"{name}=" in line, "an example"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host:notaport/db",
        f"nonsense://user:{SECRET}@host/db",
        f"host=x password={SECRET} nosuchkeyword=1",
        f"postgresql://user:{SECRET}@host/db?nosuchparameter={SECRET}",
        f"password='{SECRET}",
    ],
)
def test_a_malformed_connection_url_keeps_its_secret(settings, url):
    refused(settings, "CONNECTION_URL", CONNECTION_URL=url)


def test_neither_pool_nor_jwks_url(settings):
    done = run("serve", **{**settings, "AWS_COGNITO_JWKS_URL": None, "AWS_COGNITO_ISSUER": None})
    assert done.returncode == EXIT_USAGE
    assert len(done.stderr.strip().splitlines()) == 1
    assert "AWS_" in done.stderr


def test_the_pool_gives_issuer_and_url(start_server, settings):
    """Region and pool are enough; the keys' address is then Amazon's, and need not answer."""
    server = start_server(
        AWS_COGNITO_JWKS_URL=None,
        AWS_COGNITO_ISSUER=None,
        AWS_REGION="test-1",
        AWS_COGNITO_USER_POOL_ID="test-1_Pool",
    )
    server.stop()


def test_one_processor_has_one_loop(start_server):
    """Without the setting, what may be used counts and not what the machine has."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # the server's too, which this thread starts
    try:
        server = start_server(CRUDDUR_LOOPS=None)
    finally:
        os.sched_setaffinity(0, allowed)
    assert server.log.find(message="listening")[0]["loops"] == 1


def test_a_port_in_use(settings):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", **{**settings, "PORT": port})
        assert done.returncode in (EXIT_FAILED, EXIT_USAGE, EXIT_UNAVAILABLE)
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and str(port) in lines[0], done.stderr


def test_a_second_server_on_one_port(start_server, settings):
    """SO_REUSEPORT is for the loops of one process, not for two servers by mistake."""
    server = start_server()
    done = run("serve", **{**settings, "PORT": server.port})
    assert done.returncode != 0
    assert str(server.port) in done.stderr
    server.stop()


def test_every_setting_is_listed_and_no_secret(settings):
    done = run("config", **{**settings, "CONNECTION_URL": f"postgresql://u:{SECRET}@h/d"})
    assert done.returncode == 0, done.stderr
    for name in settings:
        assert name in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [[], ["nosuch"], ["serve", "--nosuch"], ["serve", "extra"]])
def test_wrong_arguments(settings, command):
    done = run(*command, **settings)
    assert done.returncode == EXIT_USAGE
    assert done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["health-check"], ["migrate"], ["config"], ["dev-token"]]
)
def test_help(command):
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "cruddur" in done.stdout
    assert done.stderr == ""


def test_version():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cruddur ")


# --- cruddur health-check ---


def test_health_check_of_a_living_server(server):
    done = run("health-check", PORT=server.port)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("port", ["80/x?", "4567 ", "0x50", "65536", "-1", "0"])
def test_health_check_of_a_port_that_is_none(port):
    """It is no part of a URL that is made up of it."""
    done = run("health-check", PORT=port)
    assert done.returncode == 2
    assert done.stderr.startswith("cruddur health-check: PORT ") and done.stdout == ""


def test_health_check_of_nobody():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run("health-check", PORT=port)
    assert done.returncode in (EXIT_FAILED, EXIT_UNAVAILABLE)
    assert done.stderr


@pytest.mark.parametrize("status, body", [(500, b"{}"), (503, b'["generic_503"]'), (404, b"x")])
def test_health_check_of_a_sick_server(status, body):
    class Sick(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    sick = http.server.HTTPServer(("127.0.0.1", 0), Sick)
    thread = threading.Thread(target=sick.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    done = run("health-check", PORT=sick.server_address[1])
    sick.shutdown()
    sick.server_close()
    assert done.returncode in (EXIT_FAILED, EXIT_UNAVAILABLE)
    assert done.stderr


def test_the_server_needs_no_home_and_no_cwd(start_server, tmp_path):
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        server = start_server(HOME=None)
        server.stop()
    finally:
        os.chdir(before)
