"""Percent-encoding in paths: decoded once, right, and only after the path was cut at its slashes."""

import urllib.parse

import pytest

HANDLES = [
    "sp ace",
    "a/b",
    "a+b",
    "per%cent",
    "%41",
    "%2F",
    "émile",
    "名前",
    "\U0001f600",
    "quo'te\"",
    "semi;colon",
    "que?stion",
    "ha#sh",
    "back\\slash",
    "@at",
    "a&b=c",
    "..",
    ".",
    "UPPER",
    "drop table",
    "new\nline",
]


def short(encoded):
    return f"/api/users/@{encoded}/short"


@pytest.mark.parametrize("handle", HANDLES)
def test_a_handle_is_decoded_once(api, database, handle):
    user = database.add_user(handle=handle)
    encoded = urllib.parse.quote(handle, safe="")
    expected = {"uuid": user.uuid, "handle": handle, "display_name": user.display_name}
    api.get(short(encoded)).expect(200, expected)
    everything = "".join(f"%{byte:02x}" for byte in handle.encode())
    api.get(short(everything)).expect(200, expected)
    api.get(short(everything.upper())).expect(200, expected)
    page = api.get(f"/api/activities/@{encoded}").expect(200)
    assert page["profile"]["handle"] == handle
    activity = database.add_activity(user)
    thread = api.get(f"/api/activities/@{encoded}/status/{activity}").expect(200)
    assert thread["activity"]["handle"] == handle
    twice = urllib.parse.quote(encoded, safe="")
    if twice != encoded:
        api.get(short(twice)).expect(404, ["user_not_found"])
    database.run("delete from public.activities where user_uuid = %s", user.uuid)
    database.run("delete from public.users where uuid = %s", user.uuid)


def test_a_plus_in_a_path_is_a_plus(api, database):
    database.add_user(handle="x y")
    api.get(short("x+y")).expect(404, ["user_not_found"])


def test_an_encoded_at_sign_is_one(api, database):
    user = database.add_user()
    answer = api.exchange("GET", f"/api/users/%40{user.handle}/short", None, {})
    assert answer.status in (200, 404)


@pytest.mark.parametrize(
    "encoded",
    [
        "%00",
        "nobody%00",
        "%",
        "%4",
        "%zz",
        "%u0041",
        "a%",
        "%ff",
        "%c3",
        "%c0%af",
        "%ed%a0%80",
        "%f4%90%80%80",
        "%2e%2e%2f%2e%2e",
        "%252F",
        "%27%20or%20%271%27=%271",
        "a" * 500,
        "%61" * 500,
        "%F0%9F%98%80" * 100,
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/users/@{}/short", "/api/activities/@{}", "/api/activities/@{}/status/x"]
)
def test_a_strange_handle_is_nobody(api, path, encoded):
    assert api.get(path.format(encoded)).status == 404


def test_a_handle_prefix_is_another_user(api, database):
    """A NUL must not cut a handle short."""
    user = database.add_user()
    assert api.get(short(f"{user.handle}%00")).status == 404
    assert api.get(short(f"{user.handle}%20")).status == 404
    assert api.get(short(user.handle[:-1])).status == 404


def test_an_encoded_slash_makes_no_segment(api):
    assert api.exchange("GET", "/api%2Fhealth-check", None, {}).status == 404
    assert api.exchange("GET", "/api/activities%2Fhome", None, {}).status == 404
