"""Bad settings stop the start with one line that names the variable; secrets are never printed."""

import http.server
import os
import socket
import subprocess
import threading

import pytest

from harness import PROJECT
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
        ("FRONTEND_URL", ["cloudnoww.com", "https://cloudnoww.com/path", "https://*.cloudnoww.com"]),
        ("BACKEND_URL", ["api"]),
        ("AWS_COGNITO_ISSUER", ["cognito-idp.test-1.example.com/test-1_Pool"]),
        ("AWS_DEFAULT_REGION", ["eu_west_1", "-eu", "eu.west", "x" * 64]),
        ("OTEL_EXPORTER_OTLP_HEADERS", ["key", "=value", "a=b,c"]),
        ("CRUDDUR_DRAIN_DELAY_S", ["8", "9"]),
    ],
)
def test_a_bad_setting(settings, name, values):
    for value in values:
        line = refused(settings, name, **{name: value})
        assert f"{name}=" in line, "an example"


def check(settings, **changes):
    """What `cruddur config --check` says: its exit code and its lines."""
    done = run("config", "--check", **{**settings, **changes})
    assert SECRET not in done.stderr + done.stdout
    return done.returncode, (done.stderr + done.stdout).splitlines()


def test_all_problems_are_named_at_once(settings, tmp_path):
    bad = {
        "CONNECTION_URL": f"postgresql://user:{SECRET}/x@host/db",
        "FRONTEND_URL": None,
        "BACKEND_URL": "api",
        "LOG_LEVEL": "loud",
        "PORT": "4567",
        "METRICS_PORT": "4567",
        "CRUDDUR_DRAIN_DELAY_S": "8",
        "CRUDDUR_WRITE_LIMIT_PER_USER": "many",
        "CRUDDUR_PG_CONNECTIONS": "3",
        "CRUDDUR_LOOP": "2",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "missing"),
        "CRUDDUR_CRASH_FILE": str(tmp_path / "missing" / "crash.json"),
        "OTEL_EXPORTER_OTLP_HEADERS": SECRET,
        "AWS_DEFAULT_REGION": "eu_west_1",
    }
    served = run("serve", **{**settings, **bad})
    assert served.returncode == EXIT_USAGE and SECRET not in served.stderr
    code, lines = check(settings, **bad)
    assert code == EXIT_USAGE
    assert [line.replace("config", "serve", 1) for line in lines] == served.stderr.splitlines()
    told = sorted(line.split()[2] for line in lines)
    del bad["PORT"]  # named by the port of metrics
    assert told == sorted(bad)


def test_good_settings_pass_the_check(settings):
    assert check(settings) == (0, ["the settings of `cruddur serve` are complete and well-formed"])
    assert run("config", "--check", **settings).stderr == ""


@pytest.mark.parametrize("name", ["CONNECTION_URL", "FRONTEND_URL", "AWS_DEFAULT_REGION", "PORT"])
def test_quotes_and_blanks_around_a_value_are_named(settings, name):
    value = settings.get(name, "4567")
    for quote in "\"'":
        line = refused(settings, name, **{name: f"{quote}{value}{quote}"})
        assert f"{name} has quotes around its value" in line
    for slip in (f" {value}", f"{value}\n", f"{value}\t", f"{value}\r\n"):
        line = refused(settings, name, **{name: slip})
        assert f"{name} begins or ends with a blank or a newline" in line


@pytest.mark.parametrize(
    "name, meant",
    [("CRUDDUR_LOOP", "CRUDDUR_LOOPS"), ("CRUDDUR_PG_DEADLINE", "CRUDDUR_PG_DEADLINE_MS"),
     ("CRUDDUR_MAX_CONECTIONS", "CRUDDUR_MAX_CONNECTIONS")],
)
def test_a_misspelt_setting_is_named(settings, name, meant):
    assert f"{name} is no setting; did you mean {meant} " in refused(settings, name, **{name: "2"})


def test_variables_of_others_are_no_misspelt_settings(settings):
    """Kubernetes sets these for a service of the name cruddur."""
    others = {"CRUDDUR_PORT": "tcp://10.0.0.1:4567", "CRUDDUR_SERVICE_HOST": "10.0.0.1",
              "CRUDDUR_SERVICE_PORT": "4567", "CRUDDUR_PORT_4567_TCP_ADDR": "10.0.0.1",
              "CRUDDUR_TEST_FULL": "1", "CRUDDUR": "x"}
    assert check(settings, **others)[0] == 0


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host:notaport/db",
        f"nonsense://user:{SECRET}@host/db",
        f"host=x password={SECRET} nosuchkeyword=1",
        f"postgresql://user:{SECRET}@host/db?nosuchparameter={SECRET}",
        f"password='{SECRET}",
        f"postgresql://user:half/{SECRET}@host/db",
        f"postgresql://user:half@{SECRET}@host/db",
        f"postgresql://user:%zz{SECRET}@host/db",
        f"host=x password=half {SECRET}=1",
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


def test_a_libmicrohttpd_that_answers_by_itself(settings, tmp_path):
    """Its answers would be in HTML, and two in one: the start tries whether they come to us."""
    library = tmp_path / "own_refusals.so"
    source = PROJECT / "tests" / "preload" / "own_refusals.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = run("serve", **{**settings, "LD_PRELOAD": library})
    if "ASan runtime does not come first" in done.stderr:
        pytest.skip("AddressSanitizer wants to be the first library")
    assert done.returncode == EXIT_FAILED
    assert "libmicrohttpd answers broken requests by itself" in done.stderr


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
