"""Cognito: tokens of a real sign-in, the list of users, and their subs in the table of users."""

import http.server
import json
import subprocess
import threading
import uuid

import pytest

from emulators import Cognito
from harness.description import PROJECT
from harness.server import BINARY, environment, run

UPDATE = "update-cognito-user-ids"


@pytest.fixture
def pool():
    """A user pool of the test's own."""
    emulator = Cognito.start()
    yield emulator
    emulator.stop()


class Pool:
    """A Cognito of the test's own: `users` in pages of two; strict about what it is asked."""

    def __init__(self):
        self.users = []
        self.answers = []  # (status, body) that come before any page
        self.requests = []
        pool = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                pool.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def add(self, handle, sub=None, status="CONFIRMED", **attributes):
        sub = sub if sub is not None else str(uuid.uuid4())
        attributes.update({"sub": sub, "email": f"{handle}@example.com"})
        if handle is not None:
            attributes["preferred_username"] = handle
        rows = [{"Name": name, "Value": value} for name, value in attributes.items()]
        user = {"Username": sub, "Attributes": rows, "UserStatus": status, "Enabled": True}
        self.users.append(user)
        return sub

    def answer(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.requests.append(body)
        status, page = self.answers.pop(0) if self.answers else (200, self.page(handler, body))
        data = page if isinstance(page, bytes) else json.dumps(page).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def page(self, handler, body):
        assert handler.headers["X-Amz-Target"] == "AWSCognitoIdentityProviderService.ListUsers"
        assert handler.headers["Content-Type"] == "application/x-amz-json-1.1"
        assert "/ca-central-1/cognito-idp/aws4_request" in handler.headers["Authorization"]
        assert body["UserPoolId"] == "ca-central-1_Test" and body["Limit"] == 60
        first = int(body.get("PaginationToken", "page=0").removeprefix("page="))
        page = {"Users": self.users[first : first + 2]}
        if first + 2 < len(self.users):
            page["PaginationToken"] = f"page={first + 2}"
        return page

    def settings(self):
        return {
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": f"http://127.0.0.1:{self.http.server_port}",
            "AWS_DEFAULT_REGION": "ca-central-1",
            "AWS_COGNITO_USER_POOL_ID": "ca-central-1_Test",
            "AWS_ACCESS_KEY_ID": "AKIDTEST",
            "AWS_SECRET_ACCESS_KEY": "the-secret-key",
        }


@pytest.fixture
def fake():
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture
def rows(database):
    """The table of users, empty at first."""
    database.run("truncate public.users cascade")
    return database


def update(fake, rows, *arguments, **settings):
    return run(UPDATE, *arguments, **{**fake.settings(), "CONNECTION_URL": rows.url, **settings})


def subs(rows):
    return dict(rows.run("select handle, cognito_user_id from public.users"))


# Tokens.


def test_a_real_sign_in_is_accepted_while_the_key_is_rotated(pool, start_api, database):
    handle = "anna" + uuid.uuid4().hex[:8]
    email = f"{handle}@example.com"
    sub = pool.add_user(handle, email)
    database.add_user(handle=handle, sub=sub)
    settings = {name: pool.settings()[name] for name in (
        "AWS_COGNITO_USER_POOL_ID", "AWS_COGNITO_USER_POOL_CLIENT_ID", "AWS_COGNITO_JWKS_URL",
        "AWS_COGNITO_ISSUER", "AWS_DEFAULT_REGION")}  # fmt: skip
    _, api = start_api(**settings)
    for kind in ("AccessToken", "IdToken"):
        token = pool.sign_in(email, kind)
        api.get("/api/activities/notifications", token).expect(200)
        created = api.post("/api/activities", token, {"message": "Hello.", "ttl": "1-hour"})
        assert created.expect(200)["handle"] == handle
    pool.rotate_key()
    new = pool.sign_in(email)
    api.get("/api/activities/notifications", new).expect(200)
    api.get("/api/activities/notifications", new[:-4] + "AAAA").expect(401, ["generic_401"])


# list-users.


def test_users_are_listed(pool):
    sub = pool.add_user("zoe", "zoe@example.com", "Zoë")
    done = run("list-users", **pool.settings())
    assert (done.returncode, done.stdout) == (0, f"zoe\t{sub}\tCONFIRMED\tzoe@example.com\n")
    done = run("list-users", "--json", **pool.settings())
    assert json.loads(done.stdout) == {
        "handle": "zoe",
        "sub": sub,
        "status": "CONFIRMED",
        "email": "zoe@example.com",
        "name": "Zoë",
        "enabled": True,
    }


def test_every_page_is_listed(fake):
    for number in range(7):
        fake.add(f"user{number}")
    done = run("list-users", **fake.settings())
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        f"user{number}" for number in range(7)
    ]
    assert len(fake.requests) == 4


def test_what_people_call_themselves_does_not_break_the_terminal(fake):
    fake.add("evil\x1b[31m\nroot\tx")
    done = run("list-users", **fake.settings())
    assert len(done.stdout.splitlines()) == 1 and "\x1b" not in done.stdout


def test_a_page_that_fails_once_is_asked_for_again(fake):
    fake.add("anna")
    fake.answers = [
        (400, {"__type": "TooManyRequestsException", "message": "slow down"}),
        (500, b"oops"),
    ]
    assert run("list-users", **fake.settings()).returncode == 0
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    "status, body, code",
    [
        (400, {"__type": "ResourceNotFoundException", "message": "no such pool"}, 1),
        (400, {"__type": "NotAuthorizedException"}, 6),
        (403, {"__type": "UnrecognizedClientException", "message": "token the-token"}, 6),
        (200, b"<html>please log in</html>", 5),  # not the service's
    ],
)
def test_failures_of_the_pool(fake, status, body, code):
    fake.answers = [(status, body)] * 20  # more than the tries of a call
    done = run("list-users", **fake.settings())
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("cruddur list-users: ") and "the-secret-key" not in done.stderr


@pytest.mark.parametrize(
    "changes, code, word",
    [
        ({"AWS_COGNITO_USER_POOL_ID": None}, 2, "AWS_COGNITO_USER_POOL_ID"),
        ({"AWS_DEFAULT_REGION": None}, 2, "AWS_DEFAULT_REGION"),
        ({"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "nonsense"}, 2, "AWS_ENDPOINT_URL_COGNITO"),
        ({"AWS_SECRET_ACCESS_KEY": None}, 6, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}, 6,
         "no AWS credentials"),
    ],
)  # fmt: skip
def test_bad_settings_are_named(fake, changes, code, word):
    done = run("list-users", **{**fake.settings(), **changes})
    assert done.returncode == code and word in done.stderr, done.stderr


@pytest.mark.parametrize("command", ["list-users", UPDATE, "post-confirmation"])
def test_flags(command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"Usage: cruddur {command}")
    done = run(command, "--nonsense")
    assert done.returncode == 2 and "--nonsense" in done.stderr


# update-cognito-user-ids.


def test_rows_get_the_subs_of_the_pool(fake, rows):
    expected = {}
    for number in range(5):
        handle = f"user{number}"
        rows.add_user(handle=handle, sub="MOCK")
        expected[handle] = fake.add(handle)
    dry = update(fake, rows, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"user3: MOCK -> {expected['user3']}\n" in dry.stdout
    assert dry.stdout.endswith("5 would change, 0 already right, 0 not matched, 0 to decide\n")
    assert set(subs(rows).values()) == {"MOCK"}
    done = update(fake, rows)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("5 changed, 0 already right, 0 not matched, 0 to decide\n")
    assert subs(rows) == expected
    again = update(fake, rows)
    assert again.stdout == "0 changed, 5 already right, 0 not matched, 0 to decide\n"


def test_a_new_pool_replaces_the_subs_of_an_old_one(fake, rows):
    rows.add_user(handle="anna", sub="sub-of-the-old-pool")
    sub = fake.add("anna")
    assert update(fake, rows).returncode == 0
    assert subs(rows) == {"anna": sub}


def test_what_has_no_match_is_told(fake, rows):
    rows.add_user(handle="only-a-row", sub="MOCK")
    rows.add_user(handle="pending", sub="MOCK")
    fake.add("only-in-the-pool")
    fake.add(None)
    fake.add("pending", status="UNCONFIRMED")
    fake.add("no-sub", sub="")
    done = update(fake, rows)
    assert done.returncode == 0
    assert done.stdout == "0 changed, 0 already right, 6 not matched, 0 to decide\n"
    for part in (
        "only-a-row: a row, but no user of the pool",
        "only-in-the-pool: in the pool, but no row",
        "None@example.com: a user of the pool without preferred_username",
        "pending: a user of the pool who is not confirmed",
        "pending: a row, but no user of the pool",
        "no-sub: a user of the pool without",
    ):
        assert part in done.stderr
    assert set(subs(rows).values()) == {"MOCK"}


def test_what_is_not_unique_is_left_alone(fake, rows):
    """The rest is written all the same."""
    rows.run("alter table public.users drop constraint users_handle_key")
    try:
        rows.add_user(handle="twice", sub="MOCK")
        rows.add_user(handle="twins", sub="MOCK")
        rows.add_user(handle="twins", sub="MOCK")
        rows.add_user(handle="anna", sub="MOCK")
        fake.add("twice"), fake.add("twice"), fake.add("twins")
        sub = fake.add("anna")
        done = update(fake, rows)
        assert done.returncode == 1
        assert done.stdout.endswith("1 changed, 0 already right, 0 not matched, 4 to decide\n")
        assert done.stderr.count("twice: several users of the pool") == 2
        assert done.stderr.count("twins: several rows have this handle") == 2
        assert subs(rows) == {"twice": "MOCK", "twins": "MOCK", "anna": sub}
    finally:
        rows.run("truncate public.users cascade")
        rows.run("alter table public.users add constraint users_handle_key unique (handle)")


def test_nobody_gets_the_row_of_somebody_else(fake, rows):
    """Who renamed themselves in the pool keeps their row; who took the old handle does not get it."""
    original = fake.add("new-name")
    thief = fake.add("old-name")
    rows.add_user(handle="old-name", sub=original)
    done = update(fake, rows)
    assert done.returncode == 1 and "old-name: the row's sub or the pool's belongs" in done.stderr
    assert subs(rows) == {"old-name": original}
    rows.add_user(handle="new-name", sub="MOCK")  # the sub is in another row
    done = update(fake, rows)
    assert done.returncode == 1 and "new-name: the row's sub or the pool's belongs" in done.stderr
    assert subs(rows) == {"old-name": original, "new-name": "MOCK"} and thief != original


def test_a_failure_writes_nothing(fake, rows):
    for number in range(4):
        rows.add_user(handle=f"user{number}", sub="MOCK")
        fake.add(f"user{number}")
    rows.run("""
        create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no' ; end $$;
        create trigger refuse before update on public.users for each row
        when (old.handle = 'user2') execute function refuse()""")
    try:
        done = update(fake, rows)
        assert done.returncode == 1 and "cruddur update-cognito-user-ids: " in done.stderr
        assert set(subs(rows).values()) == {"MOCK"}
    finally:
        rows.run("drop trigger refuse on public.users; drop function refuse")
    fake.answers = [(403, b"")]
    done = update(fake, rows)
    assert done.returncode == 6
    assert set(subs(rows).values()) == {"MOCK"}
    assert update(fake, rows, CONNECTION_URL=rows.url + "_gone").returncode != 0


def test_handles_are_compared_exactly(fake, rows):
    rows.add_user(handle="Anna", sub="MOCK")
    rows.add_user(handle="ä'\"\\ x", sub="MOCK")
    fake.add("anna")
    sub = fake.add("ä'\"\\ x", sub="odd'sub\"\\")
    assert update(fake, rows).returncode == 0
    assert subs(rows) == {"Anna": "MOCK", "ä'\"\\ x": sub}


# The scripts.


# Importing.


def import_users(fake, rows, *arguments, **settings):
    settings = {**fake.settings(), "CONNECTION_URL": rows.url, **settings}
    return run("users", "import", *arguments, **settings)


def add_person(fake, handle, **options):
    return fake.add(handle, name=f"The {handle}", **options)


def test_who_has_no_row_is_imported(fake, rows):
    """Five pages of the pool: made in the console, known, unconfirmed, incomplete, a taken handle."""
    known = add_person(fake, "known")
    rows.add_user(handle="renamed", sub=known)
    rows.add_user(handle="taken", sub="MOCK")
    wanted = {
        handle: add_person(fake, handle, status=status)
        for handle, status in (("console", "FORCE_CHANGE_PASSWORD"), ("plain", "CONFIRMED"),
                               ("federated", "EXTERNAL_PROVIDER"))
    }  # fmt: skip
    add_person(fake, "unconfirmed", status="UNCONFIRMED")
    add_person(fake, "disabled")
    fake.users[-1]["Enabled"] = False
    fake.add("nameless")
    add_person(fake, "taken")
    before = subs(rows)
    rehearsed = import_users(fake, rows, "--dry-run")
    assert subs(rows) == before
    assert "3 would be added, 1 there already, 2 not confirmed or disabled, 2 to decide" in rehearsed.stdout
    done = import_users(fake, rows)
    assert done.returncode == 1  # two to decide
    assert subs(rows) == {**before, **wanted}
    assert "console: added; sub " + wanted["console"] in done.stdout
    assert "nameless: " in done.stderr and "taken: the handle belongs" in done.stderr
    again = import_users(fake, rows)
    assert "0 added, 4 there already" in again.stdout
    assert subs(rows) == {**before, **wanted}
    row = rows.run("select display_name, email from public.users where handle = 'plain'")
    assert row == [("The plain", "plain@example.com")]


def test_importing_needs_the_pool_and_the_database(fake, rows):
    assert import_users(fake, rows, CONNECTION_URL="postgresql:///x?host=/nonexistent").returncode == 5
    nowhere = {"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "http://127.0.0.1:1"}
    assert import_users(fake, rows, **nowhere).returncode == 5
    add_person(fake, "zoe")
    done = import_users(fake, rows)
    assert done.returncode == 0 and list(subs(rows)) == ["zoe"], done.stderr


def script(name, *arguments, answer="", **settings):
    return subprocess.run(
        [str(PROJECT / "bin" / name), *arguments],
        env={**environment(**settings), "CRUDDUR_BINARY": str(BINARY)},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_scripts_use_an_emulator(pool, rows):
    rows.add_user(handle="zoe", sub="MOCK")
    sub = pool.add_user("zoe")
    keep = ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_COGNITO_USER_POOL_ID")
    settings = {name: pool.settings()[name] for name in keep}
    listed = script("cognito/list-users", **settings)
    assert listed.returncode == 0 and sub in listed.stdout, listed.stderr
    done = script("db/update_cognito_user_ids", CONNECTION_URL=rows.url, **settings)
    assert done.returncode == 0 and subs(rows) == {"zoe": sub}, done.stderr
    done = script("cognito/import-users", CONNECTION_URL=rows.url, **settings)
    assert done.returncode == 0 and subs(rows) == {"zoe": sub}, done.stderr


def test_production_wants_the_name_of_the_database(fake, rows):
    settings = {**fake.settings(), "PROD_CONNECTION_URL": rows.url}
    done = script("db/update_cognito_user_ids", "prod", answer="no\n", **settings)
    assert done.returncode == 4 and fake.requests == []
    done = script("cognito/list-users", "prod", AWS_EC2_METADATA_DISABLED="true",
                  HOME="/nonexistent", AWS_DEFAULT_REGION="ca-central-1",
                  AWS_COGNITO_USER_POOL_ID="x")  # fmt: skip
    assert done.returncode == 6, done.stderr
    assert script("db/update_cognito_user_ids", "prod").returncode == 2


@pytest.mark.parametrize("name", ["cognito/import-users", "cognito/list-users", "db/update_cognito_user_ids"])
def test_the_scripts_have_help(name):
    done = script(name, "--help")
    assert done.returncode == 0 and f"Usage: bin/{name}" in done.stdout
    assert script(name, "--nonsense", CONNECTION_URL="postgresql:///x").returncode == 2
