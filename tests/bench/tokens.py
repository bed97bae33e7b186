"""A local token issuer: a key pair made by openssl, its JWKS as a file, tokens signed RS256."""

import base64
import json
import subprocess
import time

ISSUER = "https://cognito-idp.bench-1.example.com/bench-1_Pool"
CLIENT_ID = "client-of-the-benchmark"
KEY_ID = "key-of-the-benchmark"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_json(value):
    return base64url(json.dumps(value, separators=(",", ":")).encode())


def openssl(*arguments, stdin=None):
    command = ["openssl", *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=stdin).stdout


class Issuer:
    def __init__(self, folder):
        self.key = f"{folder}/key.pem"
        self.jwks = f"{folder}/jwks.json"
        openssl("genrsa", "-out", self.key, "2048")
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip()
        number = base64url(bytes.fromhex(modulus.partition("=")[2]))
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": number, "e": "AQAB"}
        with open(self.jwks, "w", encoding="ascii") as file:
            json.dump({"keys": [key]}, file)

    def token(self, sub):
        """An access token of `sub` with the claims that Cognito's have."""
        now = int(time.time())
        claims = {
            "sub": sub,
            "iss": ISSUER,
            "client_id": CLIENT_ID,
            "origin_jti": "9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21",
            "event_id": "3f0a9e9c-52a1-4c3e-8f3b-0b6d3c1d7a10",
            "token_use": "access",
            "scope": "aws.cognito.signin.user.admin",
            "auth_time": now,
            "exp": now + 24 * 3600,
            "iat": now,
            "jti": "5b1f4f0e-2f0f-4e1b-9d2c-7a6c3d1e9f01",
            "username": sub,
        }
        signed = f"{base64url_json({'kid': KEY_ID, 'alg': 'RS256'})}.{base64url_json(claims)}"
        signature = openssl("dgst", "-sha256", "-sign", self.key, stdin=signed.encode())
        return f"{signed}.{base64url(signature)}"
