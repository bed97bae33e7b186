"""Refusals reach their clients through the proxies that people use, however much is still coming."""

import collections
import contextlib
import http.client

import pytest

from harness.proxies import PROXIES, Proxy, is_installed

PATH = "/api/activities"
SIZES = (66_000, 200_000, 2_000_000)
TIMES = 100  # each


@contextlib.contextmanager
def way_to(server, name):
    """The port through which the server is reached by this proxy, or by none."""
    if name == "directly":
        yield server.port
        return
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    with Proxy(name, server.port) as proxy:
        yield proxy.port


def ask(port, method, path, body, headers):
    """The status and the body; what a plain client sees, which sends all before it reads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def token(database):
    return database.add_user().token()


@pytest.mark.parametrize("name", ["directly", *PROXIES])
def test_no_refusal_is_lost(server, api, token, name):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    seen = collections.Counter()
    with way_to(server, name) as port:
        for size in SIZES:
            body = b"x" * size
            for _ in range(TIMES):
                seen[ask(port, "POST", PATH, body, headers)] += 1
    assert seen == {(413, b'["payload_too_large"]'): len(SIZES) * TIMES}


@pytest.mark.parametrize("name", ["directly", *PROXIES])
@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("POST", "/api/nothing", 404, "generic_404"),
        ("DELETE", PATH, 405, "generic_405"),
        ("POST", PATH, 401, "generic_401"),
    ],
)
def test_nor_is_another_one(server, api, name, method, path, status, code):
    with way_to(server, name) as port:
        for size in (10, 60_000) if status == 401 else (10, 60_000, 500_000):
            for _ in range(5):
                assert ask(port, method, path, b"x" * size, {}) == (status, f'["{code}"]'.encode())
