"""Tokens as the user pool signs them, and as an attacker would like them to be.

Signed by hand, so that a test can put anything at all into any part of a token."""

import base64
import hashlib
import hmac
import json
import time
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://cognito-idp.test-1.example.com/test-1_Pool"
CLIENT_ID = "client-of-the-web-app"
OTHER_CLIENT_ID = "client-of-the-phone-app"

HASHES = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_json(value):
    return base64url(json.dumps(value, separators=(",", ":")).encode())


class SigningKey:
    """An RSA key pair of the pool."""

    def __init__(self, kid=None):
        self.kid = kid or "kid-" + uuid.uuid4().hex[:12]
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, signed, alg):
        return self.private.sign(signed, padding.PKCS1v15(), HASHES[alg]())

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self, **changes):
        numbers = self.private.public_key().public_numbers()
        jwk = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
        }
        jwk.update(changes)
        return {name: value for name, value in jwk.items() if value is not None}


def claims_for(subject, kind="access", **changes):
    """The claims Cognito gives a token of `kind`; a change to None removes the claim."""
    now = int(time.time())
    claims = {
        "sub": subject,
        "iss": ISSUER,
        "token_use": kind,
        "iat": now,
        "auth_time": now,
        "exp": now + 3600,
        "jti": str(uuid.uuid4()),
        "username": "someone",
    }
    claims["client_id" if kind == "access" else "aud"] = CLIENT_ID
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


def sign(key, claims, alg="RS256", header=None):
    """A token of `claims` by `key`; `header` changes the header (None removes)."""
    full_header = {"alg": alg, "kid": key.kid, "typ": "JWT"}
    full_header.update(header or {})
    full_header = {name: value for name, value in full_header.items() if value is not None}
    signed = f"{base64url_json(full_header)}.{base64url_json(claims)}"
    if alg == "none":
        signature = b""
    elif alg.startswith("HS"):
        digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
        signature = hmac.new(key.public_pem(), signed.encode(), digest).digest()
    else:
        signature = key.sign(signed.encode(), alg)
    return f"{signed}.{base64url(signature)}"


def token_for(key, subject, kind="access", **changes):
    """A token the server should accept, but for `changes`."""
    return sign(key, claims_for(subject, kind, **changes))
