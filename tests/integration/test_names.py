"""How names are read: a handle is looked up exactly, then without case where that finds one user
alone; a display name is one line. The same wherever a name is taken, on both stores of messages."""

import uuid

import pytest

from message_stores import dynalite, store  # noqa: F401 (fixtures)

UPDATE = "/api/profile/update"


@pytest.fixture(scope="module")
def settings(settings, store):  # noqa: F811
    return {**settings, **store.settings()}


def handle(prefix="Zoe"):
    return prefix + uuid.uuid4().hex[:8]


class Asked:
    """Who a name is, asked in every way that there is."""

    def __init__(self, api, database):
        self.api, self.database = api, database
        self.sender = database.add_user()

    def write(self, name):
        body = {"message": "Hello.", "handle": name}
        return self.api.post("/api/messages", self.sender.token(), json=body)

    def write_once(self, name):
        body = {"message": "Hello.", "handle": name}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self.api.post("/api/messages", self.sender.token(), json=body, headers=key)

    def is_user(self, name, user, activity):
        """The name means the user, everywhere."""
        short = self.api.get(f"/api/users/@{name}/short").expect(200)
        assert (short["uuid"], short["handle"]) == (user.uuid, user.handle)
        page = self.api.get(f"/api/activities/@{name}").expect(200)
        assert page["profile"]["handle"] == user.handle
        assert [row["uuid"] for row in page["activities"]] == [activity]
        thread = self.api.get(f"/api/activities/@{name}/status/{activity}").expect(200)
        assert thread["activity"]["handle"] == user.handle
        for write in (self.write, self.write_once):
            group = write(name).expect(200)["message_group_uuid"]
            groups = self.api.get("/api/message_groups", self.sender.token()).expect(200)
            assert {row["uuid"]: row["handle"] for row in groups}[group] == user.handle

    def is_nobody(self, name, activity):
        self.api.get(f"/api/users/@{name}/short").expect(404, ["user_not_found"])
        self.api.get(f"/api/activities/@{name}").expect(404, ["user_not_found"])
        target = f"/api/activities/@{name}/status/{activity}"
        self.api.get(target).expect(404, ["activity_not_found"])
        self.write(name).expect(422, ["user_not_found"])
        self.write_once(name).expect(422, ["user_not_found"])


@pytest.fixture
def asked(api, database):
    return Asked(api, database)


def test_a_handle_in_another_case(asked, database):
    user = database.add_user(handle=handle())
    activity = database.add_activity(user)
    for name in (user.handle, user.handle.lower(), user.handle.upper()):
        asked.is_user(name, user, activity)


def test_the_exact_handle_comes_first(asked, database):
    name = handle()
    users = [database.add_user(handle=text) for text in (name, name.lower())]
    for user in users:
        asked.is_user(user.handle, user, database.add_activity(user))


def test_a_handle_that_means_two_means_nobody(asked, database):
    name = handle()
    users = [database.add_user(handle=text) for text in (name, name.lower())]
    asked.is_nobody(name.upper(), database.add_activity(users[0]))


def test_what_else_looks_alike_is_nobody(asked, database):
    user = database.add_user(handle=handle())
    activity = database.add_activity(user)
    for name in (user.handle + "x", user.handle[:-1], user.handle[1:], user.handle.replace("Z", "_")):
        asked.is_nobody(name, activity)


def test_one_s_own_handle_in_another_case_is_oneself(asked, api, database):
    user = database.add_user(handle=handle())
    body = {"message": "Hello.", "handle": user.handle.upper()}
    answer = api.post("/api/messages", user.token(), json=body)
    answer.expect(422, ["user_reciever_handle_self"])


def test_the_lookup_reads_no_table(database):
    """However many users there are: each way of it is an index scan."""
    database.run("set enable_seqscan = off")
    plan = database.run(
        """explain select uuid from public.users where lower(handle) = lower('X'::text) limit 2"""
    )
    database.run("reset enable_seqscan")
    assert "users_handle_lower_idx" in "\n".join(row[0] for row in plan)


# --- Display names ---


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("Al\nbert", "Al bert"),
        ("a\tb\x7fc\x85d\x1fe", "a b c d e"),
        ("one\u2028two\u2029three", "one two three"),
        ("Al\u202ebob\u202c", "Albob"),
        ("\u202a\u202b\u202dx\u2066\u2067\u2068y\u2069", "xy"),
        ("זואי\u200f \U0001f469\u200d\U0001f680", "זואי\u200f \U0001f469\u200d\U0001f680"),
        ("n" * 50 + "\u202e", "n" * 50),
    ],
)
def test_a_display_name_is_one_line(api, database, sent, kept):
    user = database.add_user()
    updated = api.put(UPDATE, user.token(), json={"display_name": sent}).expect(200)
    assert updated["display_name"] == kept
    short = api.get(f"/api/users/@{user.handle}/short").expect(200)
    assert short["display_name"] == kept


def test_a_bio_keeps_its_lines(api, database):
    user = database.add_user()
    body = {"display_name": "Al", "bio": "one\ntwo \u202ethree"}
    assert api.put(UPDATE, user.token(), json=body).expect(200)["bio"] == body["bio"]


# --- What shows nothing is blank ---

INVISIBLE = [
    "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u2800", "\u3164", "\u115f", "\uffa0", "\u180e", "\u034f",
    "\u202e", "\U000e0020", "\u0301", "\u093e", "\ufe0f", "\x01", "\x1f", "\u0085", "\u3000", " \u200b\u0301\n",
]  # fmt: skip


@pytest.mark.parametrize("text", INVISIBLE)
def test_what_shows_nothing_is_blank(api, database, text):
    user = database.add_user()
    post = {"message": text * 3, "ttl": "1-day"}
    api.post("/api/activities", user.token(), json=post).expect(422, ["message_blank"])
    parent = database.add_activity(user)
    reply = f"/api/activities/{parent}/reply"
    api.post(reply, user.token(), json={"message": text}).expect(422, ["message_blank"])
    message = {"message": text, "handle": text}
    codes = ["message_blank", "user_reciever_handle_blank"]
    api.post("/api/messages", user.token(), json=message).expect(422, codes)
    profile = {"display_name": text}
    api.put(UPDATE, user.token(), json=profile).expect(422, ["display_name_blank"])


@pytest.mark.parametrize("text", ["e\u0301", "\u2801", ".\u200b", "\U0001f469\u200d\U0001f680"])
def test_what_shows_something_is_not_blank(api, database, text):
    user = database.add_user()
    post = {"message": text, "ttl": "1-day"}
    assert api.post("/api/activities", user.token(), json=post).expect(200)["message"] == text


@pytest.mark.parametrize("name", ["%zz", "%ff", "%00", "a%", "%C0%AF"])
def test_a_name_that_cannot_be_decoded_is_no_path(api, name):
    for target in (
        f"/api/users/@{name}/short",
        f"/api/activities/@{name}",
        f"/api/activities/@{name}/status/{uuid.uuid4()}",
    ):
        api.get(target).expect(404, ["generic_404"])
