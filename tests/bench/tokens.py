"""A local token issuer for servers under measurement: the tests' signing key, its JWKS as a file."""

import json
import time

import cluster  # noqa: F401 (finds the harness)
from harness.tokens import SigningKey, token_for


class Issuer:
    def __init__(self, folder):
        self.key = SigningKey()
        self.jwks = f"{folder}/jwks.json"
        with open(self.jwks, "w", encoding="ascii") as file:
            json.dump({"keys": [self.key.jwk()]}, file)

    def token(self, sub):
        """An access token of `sub` with as many claims as Cognito's have, for as long as it takes."""
        return token_for(
            self.key,
            sub,
            exp=int(time.time()) + 24 * 3600,
            origin_jti="9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21",
            event_id="3f0a9e9c-52a1-4c3e-8f3b-0b6d3c1d7a10",
            scope="aws.cognito.signin.user.admin",
        )
