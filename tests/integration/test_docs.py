"""The description is sound in itself, and the page that shows it is whole and keeps to itself."""

import re

import jsonschema
import pytest

from harness.description import PROJECT, formats
from harness.raw import RawConnection, get, request

PAGE = PROJECT / "docs" / "page"
RENDERER = PAGE / "node_modules" / "swagger-ui-dist"

ASSETS = [
    ("/docs", "text/html", PAGE / "index.html"),
    ("/docs/", "text/html", PAGE / "index.html"),
    ("/docs/page.js", "text/javascript", PAGE / "page.js"),
    ("/docs/page.css", "text/css", PAGE / "page.css"),
    ("/docs/swagger-ui-bundle.js", "text/javascript", RENDERER / "swagger-ui-bundle.js"),
    ("/docs/swagger-ui.css", "text/css", RENDERER / "swagger-ui.css"),
    ("/docs/favicon-32x32.png", "image/png", RENDERER / "favicon-32x32.png"),
    ("/docs/swagger-ui-license.txt", "text/plain", RENDERER / "LICENSE"),
    ("/docs/swagger-ui-notice.txt", "text/plain", RENDERER / "NOTICE"),
    ("/api/openapi.json", "application/json", PROJECT / "docs" / "openapi.json"),
]


def nodes(node):
    """All objects of the document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from nodes(child)


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("path, content_type, file", ASSETS)
def test_the_page_is_served_from_the_tree(server, path, content_type, file):
    with RawConnection(server.port) as raw:
        answer = raw.ask(get(path))
    assert answer.status == 200
    assert answer.header("Content-Type").partition(";")[0] == content_type
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.body == file.read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/docs/nothing", "/docs/index.html", "/docs/page", "/docs/..", "/docs/%2e%2e/openapi.json",
     "/docs/page.js/", "/docs//page.js", "/docs/page.js%00", "/docs/page%2ejs2"],
)
def test_nothing_else_is_served(api, path):
    api.exchange("GET", path, None, {}).expect(404, ["generic_404"])


def test_the_page_takes_no_other_method(server):
    with RawConnection(server.port) as raw:
        answer = raw.ask(request("POST", "/docs"))
        answer.expect(405, ["generic_405"])
        assert answer.header_items("Allow") == {"GET", "HEAD", "OPTIONS"}


def test_the_page_may_talk_to_this_server_alone(server):
    with RawConnection(server.port) as raw:
        policy = raw.ask(get("/docs")).header("Content-Security-Policy")
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["connect-src"] == "'self'"
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy


def test_our_files_of_the_page_name_no_other_host():
    for name in ("index.html", "page.js", "page.css"):
        text = (PAGE / name).read_text()
        assert not re.search(r"""(https?:)?//\w""", text), name


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (PAGE / "package-lock.json").read_text()


def test_every_reference_resolves(description):
    for node in nodes(description.document):
        if "$ref" in node:
            assert description.resolve(node), node["$ref"]


def test_operations_have_names_of_their_own(description):
    names = [operation["operationId"] for _, operation in operations(description.document)]
    assert len(names) == len(set(names))


def test_path_parameters_are_described(description):
    for path, item in description.document["paths"].items():
        for method, operation in item.items():
            described = [description.resolve(each) for each in operation.get("parameters", [])]
            named = {each["name"] for each in described if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), f"{method} {path}"


def test_examples_are_as_the_schemas_say(description):
    checked = 0
    for node in nodes(description.document):
        if not isinstance(node.get("examples"), dict) or "schema" not in node:
            continue
        validator = jsonschema.Draft202012Validator(
            node["schema"], resolver=description.resolver, format_checker=formats
        )
        for example in node["examples"].values():
            validator.validate(example["value"])
            checked += 1
    assert checked > 50


def test_objects_are_described_whole(description):
    """Answers are held against these: a key that is not listed, or is missing, must fail."""
    for name, schema in description.document["components"]["schemas"].items():
        if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
            continue
        assert set(schema["required"]) == set(schema["properties"]), name
    answered = {"Activity", "Profile", "UserShort", "UpdatedProfile", "Health", "ActivityThread"}
    schemas = description.document["components"]["schemas"]
    assert all(schemas[name]["additionalProperties"] is False for name in answered)


@pytest.mark.parametrize(
    "schema, change",
    [
        ("Activity", {"likes_count": None}),
        ("Activity", {"likes_count": "1"}),
        ("Activity", {"likes_count": -1}),
        ("Activity", {"extra": 1}),
        ("Activity", {"created_at": "2023-05-20T23:44:59.123456Z"}),
        ("Activity", {"created_at": "2023-05-20T23:44:59+00:00"}),
        ("Activity", {"created_at": "2023-05-20 23:44:59.123456+00:00"}),
        ("Activity", {"created_at": "0000-01-01"}),
        ("Activity", {"uuid": "3F0A9E9C-52A1-4C3E-8F3B-0B6D3C1D7A10"}),
        ("Activity", {"reply_to_activity_uuid": 7}),
    ],
)
def test_the_description_refuses_what_the_contract_refuses(description, schema, change):
    feed = description.document["paths"]["/api/activities/home"]["get"]["responses"]["200"]
    good = feed["content"]["application/json"]["examples"]["feed"]["value"][0]
    validator = jsonschema.Draft202012Validator(
        description.document["components"]["schemas"][schema],
        resolver=description.resolver,
        format_checker=formats,
    )
    validator.validate(good)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**good, **change})
