"""The server under measurement: `cruddur serve` with the settings it ships with."""

import http.client
import json
import os
import socket
import subprocess
import time

import cluster  # noqa: F401 (finds the harness)
from harness.server import ServerProcess
from harness.tokens import CLIENT_ID, ISSUER

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server(ServerProcess):
    """Its log goes where nothing waits for it: writing each line is part of what is measured."""

    def __init__(self, binary, database, issuer, under=(), **settings):
        """`under` is the command that the executable runs under, such as a profiler's."""
        self.command = [*under, binary, "serve"]
        self.port = free_port()
        self.settings = {
            "PORT": self.port,
            "CONNECTION_URL": database,
            "FRONTEND_URL": "https://cloudnoww.com",
            "BACKEND_URL": "https://api.cloudnoww.com",
            "AWS_COGNITO_USER_POOL_CLIENT_ID": CLIENT_ID,
            "AWS_COGNITO_ISSUER": ISSUER,
            "AWS_COGNITO_JWKS_URL": f"file:{issuer.jwks}",
        }
        # What somebody wants to try in a measurement, such as CRUDDUR_PG_CONNECTIONS.
        for name, value in os.environ.items():
            if name.startswith("CRUDDUR_"):
                self.settings[name] = value
        self.settings.update(settings)

    def __enter__(self):
        """Starts it; milliseconds until the first good answers are then in `started_ms`."""
        begin = time.monotonic()
        super().__init__(self.command, self.settings, stdout=subprocess.DEVNULL)
        self.started_ms = {}
        try:
            for path in ("/api/health-check", "/api/readiness"):
                self.wait_for(path)
                self.started_ms[path] = (time.monotonic() - begin) * 1000
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        if self.running():
            self.terminate()
        code = self.wait(STOP_TIMEOUT_S)
        if code != 0 and unused[:1] == (None,):
            raise RuntimeError(f"the server ended with exit code {code}")

    def wait_for(self, path):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if self.get(path)[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not answer {path}")
            time.sleep(0.001)

    def get(self, path, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get_json(self, path):
        status, body = self.get(path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status} {body[:200]!r}")
        return json.loads(body)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def memory_mib(self, field):
        """VmRSS: resident memory now; VmHWM: the most it ever was."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        raise RuntimeError(f"the kernel does not tell {field}")
