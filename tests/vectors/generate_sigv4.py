#!/usr/bin/python3
"""Writes the golden vectors of the SigV4 signer as JSON: requests as botocore signs them.

    tests/vectors/generate_sigv4.py > tests/vectors/sigv4.json

Some are whole calls of botocore's clients, caught before they are sent; the others are signed by
botocore's signer alone, with parts that no client would send. No network, and no clock: the time is
fixed. tests/unit/test_sigv4.c reads the file; a test makes it anew and compares.
"""

import datetime
import json
import urllib.parse
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.session

NOW = datetime.datetime(2023, 5, 20, 23, 44, 59)
REGION = "ca-central-1"
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCY",
        "session_token": ""}
SESSION_KEYS = {**KEYS, "session_token": "IQoJb3JpZ2luX2VjEA//+token=="}
OWN_HEADERS = {"host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
# Where awscrt is installed botocore signs with it; these show what they sign.
SIGNERS = {"v4": botocore.auth.SigV4Auth, "s3v4": botocore.auth.S3SigV4Auth}


class Clock(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW


class Caught(Exception):
    """Carries a signed request out of a client."""


def signed_headers(authorization):
    names = authorization.split("SignedHeaders=")[1].split(",")[0]
    return names.split(";")


def text(value):
    if hasattr(value, "read"):
        value.seek(0)
        value = value.read()
    return value.decode() if isinstance(value, bytes) else value


def values(headers, name):
    return headers.get_all(name) if hasattr(headers, "get_all") else [headers[name]]


def vector(name, service, keys, request, canonical_request):
    """A prepared and signed request as its parts and what signing it gave."""
    url = urllib.parse.urlsplit(request.url)
    authorization = text(request.headers["Authorization"])
    names = [n for n in signed_headers(authorization) if n not in OWN_HEADERS]
    return {
        "name": name,
        "service": service,
        "region": authorization.split("/")[2],
        "unix_s": int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp()),
        "keys": keys,
        "method": request.method,
        "host": url.netloc,
        "path": urllib.parse.unquote(url.path),
        "query": urllib.parse.parse_qsl(url.query, keep_blank_values=True),
        "headers": [[n, text(value)] for n in names for value in values(request.headers, n)],
        "body": text(request.body or ""),
        "date": text(request.headers["X-Amz-Date"]),
        "content_sha256": canonical_request.rsplit("\n", 1)[1],
        "target": url.path + ("?" + url.query if url.query else ""),
        "canonical_request": canonical_request,
        "authorization": authorization,
    }


class Recorder:
    """Remembers the canonical request of what is signed last."""

    def __enter__(self):
        self.canonical_request = None
        original = botocore.auth.SigV4Auth.canonical_request
        recorder = self

        def canonical_request(signer, request):
            recorder.canonical_request = original(signer, request)
            return recorder.canonical_request

        self.patches = [
            mock.patch.object(botocore.auth.SigV4Auth, "canonical_request", canonical_request),
            mock.patch.object(botocore.auth.datetime, "datetime", Clock),
            mock.patch.dict(botocore.auth.AUTH_TYPE_MAPS, SIGNERS),
        ]
        for patch in self.patches:
            patch.start()
        return self

    def __exit__(self, *_):
        for patch in self.patches:
            patch.stop()


def call(name, service, operation, keys=KEYS, endpoint=None, **parameters):
    """A whole call of a client of botocore's."""
    session = botocore.session.Session(include_builtin_handlers=True)
    client = session.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        aws_session_token=keys["session_token"] or None,
        config=botocore.config.Config(s3={"payload_signing_enabled": True}),
    )

    def catch(request, **_):
        raise Caught(request)

    client.meta.events.register("before-send", catch)
    with Recorder() as recorder:
        try:
            client._make_api_call(operation, parameters)
        except Caught as caught:
            return vector(name, service, keys, caught.args[0], recorder.canonical_request)
    raise AssertionError(f"{name} was not sent")


def sign(name, service, method, url, headers=(), body="", keys=KEYS, signed_path=None):
    """A request signed by botocore's signer; `signed_path`: what the caller's path was."""
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body.encode())
    for key, value in headers:
        request.headers.add_header(key, value)
    credentials = botocore.credentials.Credentials(
        keys["access_key_id"], keys["secret_access_key"], keys["session_token"] or None
    )
    signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    with Recorder() as recorder:
        signer(credentials, service, REGION).add_auth(request)
    result = vector(name, service, keys, request, recorder.canonical_request)
    if signed_path:
        result["path"] = signed_path
    return result


def dynamodb_vectors():
    key = {"pk": {"S": "GRP#1"}, "sk": {"S": "2023-05-20T23:44:59.123456+00:00"}}
    item = {**key, "message": {"S": "Grüße, 世界 🌍 \"quoted\"\n"}}
    return [
        call("dynamodb PutItem", "dynamodb", "PutItem", TableName="messages", Item=item),
        call("dynamodb Query with a session token", "dynamodb", "Query", SESSION_KEYS,
             TableName="messages", KeyConditionExpression="pk = :pk",
             ExpressionAttributeValues={":pk": {"S": "MSG#1"}}),
        call("dynamodb at a local endpoint", "dynamodb", "GetItem",
             endpoint="http://127.0.0.1:8000", TableName="messages", Key=key),
    ]  # fmt: skip


def s3_vectors():
    odd = "static/ä ö+&=%?#~!*'()@,;:$ [x]/file name (1).js"
    local = "http://127.0.0.1:4568"
    return [
        call("s3 PutObject", "s3", "PutObject", Bucket="cloudnoww.com", Key="index.html",
             Body=b"<html></html>", ContentType="text/html", CacheControl="no-cache"),
        call("s3 PutObject with odd characters and a session token", "s3", "PutObject",
             SESSION_KEYS, Bucket="cruddur", Key=odd, Body=b"x" * 1000,
             Metadata={"note": "two  spaces   within"}),
        call("s3 PutObject path-style", "s3", "PutObject", KEYS, local, Bucket="cruddur",
             Key="a/b.txt", Body=b"text"),
        call("s3 HeadObject with dots and double slashes", "s3", "HeadObject", Bucket="cruddur",
             Key="a//b/../c/./d"),
        call("s3 ListObjectsV2", "s3", "ListObjectsV2", Bucket="cruddur",
             Prefix="static/ä b+c&d=e/", ContinuationToken="1ueGcxLPRx1Tr/XYExHnhbYLgv==",
             MaxKeys=1000),
        call("s3 DeleteObjects", "s3", "DeleteObjects", Bucket="cruddur",
             Delete={"Objects": [{"Key": "old & gone.js"}], "Quiet": True}),
        call("s3 DeleteObject", "s3", "DeleteObject", Bucket="cruddur", Key="old.js"),
    ]  # fmt: skip


def other_vectors():
    batch = {"Paths": {"Quantity": 2, "Items": ["/", "/static/ä b*"]}, "CallerReference": "ref-1"}
    return [
        call("cloudfront CreateInvalidation", "cloudfront", "CreateInvalidation",
             DistributionId="E2EXAMPLE", InvalidationBatch=batch),
        call("cloudfront GetInvalidation with a session token", "cloudfront", "GetInvalidation",
             SESSION_KEYS, DistributionId="E2EXAMPLE", Id="I1 odd+id%"),
        call("cloudfront ListInvalidations", "cloudfront", "ListInvalidations",
             DistributionId="E2EXAMPLE", Marker="a/b+c d&e", MaxItems="10"),
        call("cognito ListUsers", "cognito-idp", "ListUsers", UserPoolId="ca-central-1_Abc",
             Limit=60, PaginationToken="CAIS+/=="),
    ]  # fmt: skip


def signer_vectors():
    base = "https://service.example.com"
    return [
        sign("empty path", "service", "GET", base),
        sign("query out of order, names twice, no values", "service", "GET",
             base + "/?b=2&a=2&a=1&B=3&a-b=4&empty=&a%20b=%2F%3D%26&%C3%A4=%F0%9F%8C%8D"),
        sign("headers twice, in odd case and with odd spaces", "service", "POST", base + "/x",
             [("X-My-Header", "  two   spaces  "), ("x-MY-header", "second"),
              ("Zebra", "z"), ("aardvark", "a\tb"), ("X-Empty", "")], "body", SESSION_KEYS),
        sign("path encoded twice", "service", "GET", base + "/a%20b/%C3%A4%2B%25~-_./c%3Ad"),
        sign("port in the host", "dynamodb", "POST", "http://localhost:8000/", body="{}"),
        sign("dot segments are taken out", "service", "GET", base + "/a/d/", (),
             signed_path="/./a//b/../c/../d/./"),
        sign("dot segments above the top", "service", "GET", base + "/a", (),
             signed_path="/../../a"),
        sign("dot segments that leave nothing", "service", "GET", base + "/", (),
             signed_path="/a/.."),
    ]  # fmt: skip


def vectors():
    return dynamodb_vectors() + s3_vectors() + other_vectors() + signer_vectors()


def document():
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    print(document(), end="")
