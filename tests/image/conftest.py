"""The fixtures of the integration tests, for the executable inside of the image."""

import json

import pytest

from harness.description import PROJECT, Description
from harness.jwks import JwksServer
from harness.tokens import SigningKey
from pg_cluster import fresh_database, pg_cluster  # noqa: F401 (fixtures)

FOLDER = PROJECT / "build" / "image"


@pytest.fixture(scope="session")
def files():
    """The image's files: its root."""
    return FOLDER / "files"


@pytest.fixture(scope="session")
def base_files():
    """The files of the base that it was built on."""
    return FOLDER / "base-files"


@pytest.fixture(scope="session")
def config():
    """What the image says about how to run it."""
    return json.loads((FOLDER / "inspect.json").read_text())["Docker"]["config"]


@pytest.fixture(scope="session")
def key():
    return SigningKey()


@pytest.fixture(scope="session")
def description():
    return Description()


@pytest.fixture(scope="session")
def jwks(key):
    server = JwksServer([key])
    yield server
    server.close()
