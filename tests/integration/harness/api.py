"""The plain client: one kept connection, every answer held against the OpenAPI description."""

import http.client
import json as json_module
import select

from harness.answer import Answer
from harness.description import check_common

TIMEOUT = 60


class Api:
    """Not for several threads at once: each takes its own by another()."""

    def __init__(self, port, description, timeout=TIMEOUT):
        self.port = port
        self.description = description
        self.timeout = timeout
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def another(self):
        return Api(self.port, self.description, self.timeout)

    def close(self):
        self.connection.close()

    def request(self, method, target, token=None, json=None, body=None, headers=None):
        """Sends a request; `json` is a value to send, `body` raw bytes."""
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if json is not None:
            body = json_module.dumps(json).encode()
        if body is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        headers = {name: value for name, value in headers.items() if value is not None}
        answer = self.exchange(method, target, body, headers)
        check_common(method, target, answer)
        self.description.check(method, target, answer)
        return answer

    def exchange(self, method, target, body, headers):
        try:
            self.connection.request(method, target, body, headers)
            response = self.connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        except (http.client.HTTPException, OSError):
            self.connection.close()
            raise

    def get(self, target, token=None, **options):
        return self.request("GET", target, token, **options)

    def post(self, target, token=None, json=None, **options):
        return self.request("POST", target, token, json, **options)

    def wait_until_ready(self):
        """Asks every loop, by new connections, until all of a row of them are ready."""
        for _ in range(1500):
            answers = [self.once("/api/readiness") for _ in range(8)]
            if all(answer.status == 200 for answer in answers):
                return answers[0].json()
            select.select([], [], [], 0.02)
        raise AssertionError(f"not ready: {answers[0].body!r}")

    def once(self, target):
        """A GET on a connection of its own."""
        other = self.another()
        answer = other.get(target)
        other.close()
        return answer

    def put(self, target, token=None, json=None, **options):
        return self.request("PUT", target, token, json, **options)
