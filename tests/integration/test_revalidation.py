"""ETag, If-None-Match and gzip: of answers that are the same for all, and of files."""

import gzip
import re
import zlib

import pytest

from harness.description import PROJECT
from harness.people import Database
from harness.raw import RawConnection, get, request
from harness.tokens import token_for
from test_telemetry import free_port, metrics_of

HOME = "/api/activities/home"
DESCRIPTION = "/api/openapi.json"
TAG = re.compile(r'W/"[0-9a-f]+-[0-9a-f]{16}"')


@pytest.fixture(scope="module", name="user")
def make_user(database: Database):
    user = database.add_user("writer")
    for number in range(20):
        database.add_activity(user, f"Crud {number}", age=number + 1, expires_in=None)
    return user


@pytest.fixture(scope="module", name="status_path")
def make_status_path(database, user):
    activity = database.add_activity(user, "one", age=100, expires_in=None)
    return f"/api/activities/@{user.handle}/status/{activity}"


@pytest.fixture(scope="module", name="shared_paths")
def make_shared_paths(user, status_path):
    return [
        HOME,
        f"/api/activities/@{user.handle}",
        status_path,
        "/api/activities/search?term=crud",
        f"/api/users/@{user.handle}/short",
    ]


@pytest.fixture(name="raw")
def make_raw(api, server, user):
    with RawConnection(server.port) as raw:
        yield raw


def test_shared_answers_have_a_weak_tag(api, shared_paths):
    for path in shared_paths:
        answer = api.get(path)
        assert answer.status == 200
        assert TAG.fullmatch(answer.header("ETag")), path
        assert answer.header("Cache-Control") == "no-cache"
        assert answer.header_items("Vary") == {"Origin", "Accept-Encoding"}
        again = api.get(path, headers={"If-None-Match": answer.header("ETag")})
        assert (again.status, again.body) == (304, b""), path


def test_the_tag_changes_with_the_body_alone(api, database, user):
    tag = api.get(HOME).header("ETag")
    assert api.get(HOME).header("ETag") == tag
    activity = database.add_activity(user, "new")
    assert api.get(HOME).header("ETag") != tag
    assert api.get(HOME, headers={"If-None-Match": tag}).status == 200
    database.run("delete from public.activities where uuid = %s", activity)
    assert api.get(HOME).header("ETag") == tag


def test_every_instance_makes_the_same_tag(api, start_api):
    _, other = start_api()
    other.wait_until_ready()
    assert other.get(HOME).header("ETag") == api.get(HOME).header("ETag")


@pytest.mark.parametrize(
    "form, status",
    [
        ("{tag}", 304),
        ("{opaque}", 304),  # as strong: comparison is weak
        ('"other", {tag}', 304),
        ('W/"a,b" ,{opaque}', 304),
        ("{tag},", 304),
        (",, {tag}", 304),
        ("*", 304),
        (" * ", 304),
        ('"other"', 200),
        ('W/"other", "and this"', 200),
        ("{bare}", 200),
        ("w/{opaque}", 200),
        ("{opaque}x", 304),
        ('"{bare}', 200),
        ('"* "', 200),
        ("*, {tag}", 200),  # neither form of the header's two
        ('"', 200),
    ],
)
def test_if_none_match(raw, form, status):
    tag = raw.ask(get(HOME)).header("ETag")
    opaque = tag.removeprefix("W/")
    wanted = form.format(tag=tag, opaque=opaque, bare=opaque.strip('"'))
    answer = raw.ask(get(HOME, If_None_Match=wanted))
    assert answer.status == status, wanted
    assert answer.header("ETag") == tag


def test_several_fields_are_one_list(raw):
    tag = raw.ask(get(HOME)).header("ETag")
    for lines in (f'"a"\r\nIf-None-Match: {tag}', f'{tag}\r\nIf-None-Match: "a"'):
        assert raw.ask(get(HOME, If_None_Match=lines)).status == 304
    lines = "identity\r\nAccept-Encoding: gzip"
    assert raw.ask(get(HOME, Accept_Encoding=lines)).header("Content-Encoding") == "gzip"


def test_304_has_what_a_cache_needs_and_no_body(raw):
    """RFC 9110, section 15.4.5; the next answer on the connection shows that no byte follows."""
    path = f"{HOME}?limit=2"
    full = raw.ask(get(path))
    origin = {"Origin": "https://cloudnoww.test"}
    answer = raw.ask(get(path, If_None_Match=full.header("ETag"), **origin))
    assert answer.status == 304
    for name in ("ETag", "Cache-Control", "Vary", "Link"):
        assert answer.header(name) == full.header(name) is not None, name
    assert answer.header("Access-Control-Allow-Origin") == origin["Origin"]
    assert answer.header("Content-Length") in (None, full.header("Content-Length"))
    assert answer.header("Content-Encoding") is None and answer.header("Content-Type") is None
    raw.ask(get("/api/health-check")).expect(200, {"success": True, "ver": 1})


def test_head_is_as_get(raw):
    full = raw.ask(get(HOME, Accept_Encoding="gzip"))
    head = raw.ask(request("HEAD", HOME, Accept_Encoding="gzip"), "HEAD")
    for name in ("ETag", "Content-Length", "Content-Encoding", "Content-Type", "Vary"):
        assert head.header(name) == full.header(name) is not None, name
    head = raw.ask(request("HEAD", HOME, If_None_Match=full.header("ETag")), "HEAD")
    assert head.status == 304
    raw.ask(get("/api/health-check")).expect(200, {"success": True, "ver": 1})


@pytest.mark.parametrize(
    "accepted, coded",
    [
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("deflate, gzip ; q=1.000", True),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("br", False),
        ("gzipped", False),
        ("gzip;q=2", False),
        ("gzip;q=x", False),
        (None, False),
    ],
)
def test_accept_encoding(raw, accepted, coded):
    plain = raw.ask(get(HOME))
    answer = raw.ask(get(HOME, **({"Accept_Encoding": accepted} if accepted else {})))
    assert answer.header("Content-Encoding") == ("gzip" if coded else None)
    body = gzip.decompress(answer.body) if coded else answer.body
    assert body == plain.body
    assert answer.header("ETag") == plain.header("ETag")
    assert (len(answer.body) < len(plain.body)) is coded


def test_small_bodies_and_errors_are_sent_as_they_are(raw, user):
    for path, status in (
        (f"/api/users/@{user.handle}/short", 200),
        ("/api/users/@nobody-here/short", 404),
        (f"{HOME}?limit=x", 422),
    ):
        answer = raw.ask(get(path, Accept_Encoding="gzip"))
        assert answer.status == status
        assert answer.header("Content-Encoding") is None
        assert answer.header_items("Vary") == {"Origin", "Accept-Encoding"}
        answer.json()


def test_only_200_has_a_tag(raw):
    for path in ("/api/users/@nobody-here/short", f"{HOME}?limit=x", "/api/nothing"):
        answer = raw.ask(get(path, If_None_Match="*"))
        assert answer.status in (404, 422)
        assert answer.header("ETag") is None
        assert answer.header("Cache-Control") == "no-store"


def test_private_answers_are_kept_by_nobody(api, user):
    for path in ("/api/activities/notifications", "/api/message_groups"):
        answer = api.get(path, user.token(), headers={"If-None-Match": "*", "Accept-Encoding": "gzip"})
        assert answer.status == 200
        assert answer.header("Cache-Control") == "no-store"
        assert answer.header("ETag") is None and answer.header("Content-Encoding") is None
        assert answer.header("Vary") == "Origin"


@pytest.mark.parametrize("path", [DESCRIPTION, "/docs", "/docs/swagger-ui-bundle.js", "/docs/page.css"])
def test_files_are_revalidated(raw, path):
    answer = raw.ask(get(path))
    assert TAG.fullmatch(answer.header("ETag"))
    assert answer.header("Cache-Control") in ("no-cache", "public, max-age=600")
    assert "Accept-Encoding" in answer.header_items("Vary")
    coded = raw.ask(get(path, Accept_Encoding="gzip"))
    assert coded.header("ETag") == answer.header("ETag")
    if len(answer.body) > 1024:
        assert coded.header("Content-Encoding") == "gzip"
        assert zlib.decompress(coded.body, 31) == answer.body
    again = raw.ask(get(path, If_None_Match=answer.header("ETag")))
    assert (again.status, again.header("ETag")) == (304, answer.header("ETag"))
    raw.ask(get("/api/health-check")).expect(200)


def test_the_description_is_the_file(raw):
    coded = raw.ask(get(DESCRIPTION, Accept_Encoding="gzip"))
    assert gzip.decompress(coded.body) == (PROJECT / "docs" / "openapi.json").read_bytes()


def test_304_is_counted_and_logged(start_api):
    port = free_port()
    server, api = start_api(METRICS_PORT=port)
    api.wait_until_ready()
    tag = api.get(HOME).header("ETag")
    api.get(HOME, headers={"If-None-Match": tag}).expect(304)
    event = server.log.wait_for(message="request", status=304)
    assert event["bytes"] == 0 and event["level"] == "info"
    samples = metrics_of(port)
    wanted = 'cruddur_http_requests_total{method="GET",route="/api/activities/home",status="304"}'
    assert samples[wanted] == 1


def test_a_token_for_a_public_page_costs_nothing(start_api, database, key):
    """It is not looked at: with a pool that does not answer, it would be waited for."""
    from harness.jwks import JwksServer

    pool = JwksServer([key])
    pool.mode = "hang"
    server, api = start_api(AWS_COGNITO_JWKS_URL=pool.url, CRUDDUR_LOOPS=1, CRUDDUR_PG_CONNECTIONS=4)
    server.log.wait_for(4, message="postgres connected")
    token = token_for(key, "someone")
    waiting = api.another()
    waiting.connection.request(
        "GET", "/api/activities/notifications", headers={"Authorization": f"Bearer {token}"}
    )
    pool.wait_for_fetches(1)
    for bad in (token, "x", token_for(key, "someone", exp=1)):
        api.get(HOME, bad).expect(200)
    assert not server.log.find(message="request", status=401)  # the other one still waits
    server.log.wait_for(message="request", status=401)
    pool.close()
    waiting.close()
