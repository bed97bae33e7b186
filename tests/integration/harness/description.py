"""Holds answers against the OpenAPI description: what is not described is a failure."""

import json
import re
import urllib.parse

import jsonschema

from harness import PROJECT

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Answers that belong to the protocol, not to an operation of the API.
PROTOCOL_STATUSES = {400, 408, 414, 431, 501, 505}

formats = jsonschema.FormatChecker(formats=())
formats.checks("date-time")(lambda value: not isinstance(value, str) or bool(TIME.fullmatch(value)))
formats.checks("uuid")(lambda value: not isinstance(value, str) or bool(UUID.fullmatch(value)))


def decodable(path):
    """False for a path whose percent-encoding stands for no text."""
    if re.search("%(?![0-9A-Fa-f]{2})|%00", path):
        return False
    try:
        urllib.parse.unquote(path, errors="strict")
        return True
    except UnicodeDecodeError:
        return False


class Description:
    def __init__(self, path=PROJECT / "docs" / "openapi.json"):
        self.document = json.loads(path.read_text())
        self.resolver = jsonschema.RefResolver.from_schema(self.document)
        self.paths = []
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
            self.paths.append((template.count("{"), re.compile(pattern), template, item))
        self.paths.sort(key=lambda row: row[0])  # literal paths first

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def find(self, path):
        """The described path item of `path`, or None."""
        for _, pattern, _, item in self.paths:
            if pattern.fullmatch(path):
                return item
        return None

    def check(self, method, target, answer):
        """Fails unless `answer` to `method` `target` is described, and is as described."""
        path = target.partition("?")[0]
        item = self.find(path)
        if item is None or not decodable(path):
            answer.expect(404, ["generic_404"])
            return
        if method == "OPTIONS":
            assert answer.status == 204, f"OPTIONS {target} answered {answer.status}"
            assert answer.body == b""
            return
        operation = item.get("get" if method == "HEAD" else method.lower())
        if operation is None:
            assert answer.status == 405, f"{method} {target} is not described, got {answer.status}"
            if method != "HEAD":
                answer.expect(405, ["generic_405"])
            assert answer.header("Allow")
            return
        self.check_operation(method, target, operation, answer)

    def check_operation(self, method, target, operation, answer):
        described = operation["responses"].get(str(answer.status))
        assert described is not None, (
            f"{method} {target}: {answer.status} is not described: {answer.body[:300]!r}"
        )
        described = self.resolve(described)
        for name, header in described.get("headers", {}).items():
            if self.resolve(header).get("required"):
                assert answer.header(name) is not None, f"{method} {target}: no {name}"
        content = described.get("content", {})
        if method == "HEAD" or not content:
            assert answer.body == b"", f"{method} {target}: a body came: {answer.body[:200]!r}"
            return
        media_type = answer.header("Content-Type", "").partition(";")[0]
        assert media_type in content, f"{method} {target}: {media_type!r} is not described"
        if media_type != "application/json":
            return
        validator = jsonschema.Draft202012Validator(
            content[media_type]["schema"], resolver=self.resolver, format_checker=formats
        )
        try:
            validator.validate(answer.json())
        except jsonschema.ValidationError as error:
            raise AssertionError(f"{method} {target} {answer.status}: {error}") from None


def check_common(method, target, answer):
    """What every answer of the server has, whatever it answers."""
    path = target.partition("?")[0]
    assert answer.header("X-Request-Id"), f"{method} {target}: no X-Request-Id"
    for name in ("X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"):
        assert answer.header(name), f"{method} {target}: no {name}"
    if answer.status == 503:
        assert 0 <= int(answer.header("Retry-After")) <= 2
    if path.startswith("/api/") and answer.status not in (204, 304):
        assert answer.header("Content-Type", "").partition(";")[0] == "application/json"
    if answer.status >= 400 and method != "HEAD" and path != "/api/readiness":
        codes = answer.json()
        assert isinstance(codes, list) and codes and all(isinstance(code, str) for code in codes)
