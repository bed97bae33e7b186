"""Checks the signature of a request with botocore's own arithmetic, as AWS would."""

import hashlib
import re

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$"
)


class BadSignature(Exception):
    """What AWS would answer 403 to."""


def _needed(service, headers):
    names = {"host", "x-amz-date"} | {name for name in headers if name.startswith("x-amz-")}
    if service == "s3":
        names.add("x-amz-content-sha256")
    if "content-md5" in headers:
        names.add("content-md5")
    return names


def check(method, target, headers, body, service, region, key, secret, token=None,
          unsigned_payload=False):
    """`target` is path and query as they came; `headers` has lower-case names. Raises BadSignature."""
    match = AUTHORIZATION.match(headers.get("authorization", ""))
    if not match:
        raise BadSignature("no signature of version 4")
    key_id, date, its_region, its_service, names, signature = match.groups()
    if (key_id, its_region, its_service) != (key, region, service):
        raise BadSignature(f"scope {key_id}/{its_region}/{its_service}")
    if headers.get("x-amz-date", "")[:8] != date:
        raise BadSignature("the dates differ")
    names = names.split(";")
    missing = _needed(service, headers) - set(names)
    if missing:
        raise BadSignature(f"not signed: {sorted(missing)}")
    if token != headers.get("x-amz-security-token"):
        raise BadSignature("another session token")
    if not (unsigned_payload and headers.get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"):
        _check_body(headers, body, service)
    signed = {name: headers[name] for name in names}
    request = AWSRequest(method, f"http://{headers['host']}{target}", headers=signed, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    auth = kind(Credentials(key, secret, token), service, region)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if expected != signature:
        raise BadSignature("the signature does not match")


def _check_body(headers, body, service):
    given = headers.get("x-amz-content-sha256")
    if given is None and service != "s3":
        return
    if given != hashlib.sha256(body).hexdigest():
        raise BadSignature("x-amz-content-sha256 is not the body's")
