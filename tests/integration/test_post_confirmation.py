"""Cognito's post-confirmation trigger: from a shell, and as a Lambda function behind a runtime API
that takes no nonsense."""

import http.server
import json
import re
import signal
import subprocess
import threading
import time
import uuid

import pytest

from harness.aws_double import Fault
from harness.gate import Gate
from harness.load import at_once
from harness.parameter_store import ParameterStore
from harness.server import BINARY, DEFECTS, environment, run

DEADLINE_MS = 60_000
VERSION = "2018-06-01"


def event_of(handle=None, sub=None, **changes):
    """An event as Cognito sends it, in bytes that no JSON library would write the same way."""
    handle = handle or "u" + uuid.uuid4().hex[:10]
    attributes = {
        "sub": sub or str(uuid.uuid4()),
        "email_verified": "true",
        "cognito:user_status": "CONFIRMED",
        "name": "Zoë O'Neil \"Z\" \\ 世界",
        "preferred_username": handle,
        "email": f"{handle}@example.com",
    }
    attributes.update(changes)
    event = {
        "version": "1",
        "region": "ca-central-1",
        "userPoolId": "ca-central-1_Pool",
        "userName": attributes["sub"],
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "request": {"userAttributes": {k: v for k, v in attributes.items() if v is not None}},
        "response": {},
    }
    text = json.dumps(event, indent=3, ensure_ascii=False) + "\n \t\n"
    return attributes, text.replace('"version"', '"a\\u0062c" : 1.50e+1 , "version"').encode()


def confirm(event, url, **settings):
    return subprocess.run(
        [str(BINARY), "post-confirmation"],
        env=environment(CONNECTION_URL=url, **settings),
        input=event,
        capture_output=True,
        timeout=60,
        check=False,
    )


def rows_of(database, attributes):
    return database.run(
        """select display_name, handle, email, cognito_user_id from public.users
           where cognito_user_id = %s or handle = %s""",
        attributes["sub"],
        attributes["preferred_username"],
    )


def row_of(attributes):
    names = ("name", "preferred_username", "email", "sub")
    return tuple(attributes[name] for name in names)


# From a shell.


def test_a_user_is_added_once(database):
    attributes, event = event_of()
    done = confirm(event, database.url)
    assert (done.returncode, done.stdout) == (0, event), done.stderr
    assert b"the user was added" in done.stderr
    assert rows_of(database, attributes) == [row_of(attributes)]
    again = confirm(event, database.url)
    assert (again.returncode, again.stdout) == (0, event)
    assert b"there already" in again.stderr
    assert rows_of(database, attributes) == [row_of(attributes)]


def test_the_name_is_one_line(database):
    attributes, event = event_of(name="Zoë\nof \u202eolleh\u202c")
    assert confirm(event, database.url).returncode == 0
    assert rows_of(database, attributes)[0][0] == "Zoë of olleh"


@pytest.mark.parametrize("indexed", [True, False])
def test_the_same_event_at_once_is_one_row(database, indexed):
    """Also in a database whose unique indexes were never made."""
    attributes, event = event_of()
    if not indexed:
        database.run("alter table public.users drop constraint users_handle_key")
        database.run("drop index public.users_cognito_user_id_key")
    try:
        results = []
        at_once([lambda: results.append(confirm(event, database.url).returncode)] * 8)
        assert results == [0] * 8
        assert len(rows_of(database, attributes)) == 1
    finally:
        if not indexed:
            database.run("alter table public.users add constraint users_handle_key unique (handle)")
            database.run("""create unique index users_cognito_user_id_key
                on public.users (cognito_user_id) where cognito_user_id <> 'MOCK'""")


def test_a_handle_that_is_taken_is_told(database):
    attributes, event = event_of()
    assert confirm(event, database.url).returncode == 0
    other, event = event_of(handle=attributes["preferred_username"])
    done = confirm(event, database.url)
    assert (done.returncode, done.stdout) == (1, event)
    assert f"the handle {attributes['preferred_username']} belongs to another".encode() in done.stderr
    assert rows_of(database, other) == [row_of(attributes)]


def test_a_seeded_user_keeps_the_stand_in(database):
    user = database.add_user(sub="MOCK")
    _, event = event_of(handle=user.handle)
    assert confirm(event, database.url).returncode == 1
    _, event = event_of(sub="MOCK")
    assert confirm(event, database.url).returncode == 2
    assert database.value("select cognito_user_id from users where handle = %s", user.handle) == "MOCK"


def nested(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


BAD_EVENTS = {
    "empty": b"",
    "not JSON": b"nonsense\r\n",
    "an array": b"[]",
    "cut off": event_of()[1][:-40],
    "not UTF-8": b'{"request":{"userAttributes":{"name":"\xff"}}}',
    "no attributes": b"{}",
    "attributes of the wrong type": b'{"request":{"userAttributes":[1]}}',
    "NUL in the name": event_of(name="a\0b")[1],
    "a number for a name": event_of(name=7)[1],
    "a blank name": event_of(name=" \t")[1],
    "an endless name": event_of(name="x" * 3000)[1],
    "nested": nested(100_000),
    "binary": bytes(range(256)) * 10,
    **{f"no {name}": event_of(**{name: None})[1] for name in ("name", "email", "preferred_username")},
    "no sub": event_of()[1].replace(b'"sub"', b'"bus"'),
    "another trigger": event_of()[1].replace(b"PostConfirmation_Confirm", b"PreSignUp_"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_bad_event_comes_back_as_it_is(database, name):
    before = database.value("select count(*) from public.users")
    done = confirm(BAD_EVENTS[name], database.url)
    assert done.stdout == BAD_EVENTS[name]
    assert done.returncode == 2 and done.stderr, done.stderr
    assert not DEFECTS.search(done.stderr.decode(errors="replace")), done.stderr
    assert database.value("select count(*) from public.users") == before


ODD_EVENTS = {
    "an integer of 40 digits": lambda event: event.replace(b"1.50e+1", b"9" * 40),
    "a number that no double holds": lambda event: event.replace(b"1.50e+1", b"-1e999"),
    "a byte order mark": lambda event: b"\xef\xbb\xbf" + event,
    "U+0000 elsewhere": lambda event: event.replace(b"1.50e+1", b'"\\u0000"'),
    "numbers in names": lambda event: event.replace(b"1.50e+1", b'{"\\"1": -1}'),
}


@pytest.mark.parametrize("name", ODD_EVENTS)
def test_an_odd_event_costs_nobody_their_row(database, name):
    attributes, event = event_of(name="Zoë -12.5e7 0 \"1\" \\")
    odd = ODD_EVENTS[name](event)
    assert odd != event
    done = confirm(odd, database.url)
    assert (done.returncode, done.stdout) == (0, odd), done.stderr
    assert rows_of(database, attributes) == [row_of(attributes)]


def test_an_event_of_forgotten_passwords_adds_who_is_missing(database):
    attributes, event = event_of()
    event = event.replace(b"ConfirmSignUp", b"ConfirmForgotPassword")
    assert confirm(event, database.url).returncode == 0
    assert rows_of(database, attributes) == [row_of(attributes)]


def test_a_huge_event_comes_back(database):
    event = b" " * (17 * 1024 * 1024)
    done = confirm(event, database.url)
    assert done.returncode == 1 and done.stdout == event


@pytest.mark.parametrize(
    "url, code",
    [
        ("postgresql://127.0.0.1:1/gone", 5),
        ("nonsense=", 2),
        (None, 2),
    ],
)
def test_without_a_database_the_event_comes_back(url, code):
    _, event = event_of()
    done = confirm(event, url)
    assert done.stdout == event and done.returncode == code, done.stderr


# As a Lambda function.


class RuntimeApi:
    """The runtime API of Lambda. Whatever is out of order is noted in `wrong`."""

    def __init__(self):
        self.invocations = []  # (request id, event, deadline)
        self.changed = threading.Condition()
        self.answers = {}  # request id: (kind, body)
        self.init_errors = []
        self.wrong = []
        self.current = None
        self.answer_status = 202
        self.next_status = 200
        self.next_headers = True
        self.next_resets = 0  # so many calls for an invocation get no answer
        self.lost_answers = 0  # so many answers are taken without a word
        self.connections = 0
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                api.connections += 1
                super().setup()

            def do_GET(self):
                api.get(self)

            def do_POST(self):
                api.post(self)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # functions are killed in the middle of calls
        self.closing = False
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.http.server_port}"

    def close(self):
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        self.http.shutdown()
        self.http.server_close()

    def check(self, condition, what):
        if not condition:
            self.wrong.append(what)

    def send(self, handler, status, body=b"", headers=None):
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def get(self, handler):
        self.check(handler.path == f"/{VERSION}/runtime/invocation/next", handler.path)
        with self.changed:
            if self.next_resets > 0:
                self.next_resets -= 1
                handler.close_connection = True
                return
            self.check(self.current is None, f"next before {self.current} was answered")
            while not self.invocations and not self.closing:
                self.changed.wait(1)
            if self.closing:
                handler.close_connection = True
                return
            self.current, event, deadline_ms = self.invocations.pop(0)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.current,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:r:1:function:f",
        }
        self.send(handler, self.next_status, event, headers if self.next_headers else None)

    def post(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        match = re.fullmatch(
            rf"/{VERSION}/runtime/(?:invocation/([^/]+)/(response|error)|init/(error))", handler.path
        )
        if not match:
            self.wrong.append(handler.path)
            return self.send(handler, 404)
        if match[3] or match[2] == "error":
            self.check_error(handler, json.loads(body))
        status = 202
        with self.changed:
            if match[3]:
                self.init_errors.append(json.loads(body))
            elif match[1] in self.answers and self.current is None:
                status = 400  # it is there already
            else:
                self.check(match[1] == self.current, f"{match[1]} is not {self.current}")
                if match[2] == "response" and self.answer_status != 202:
                    status = self.answer_status
                else:
                    self.answers[match[1]] = (match[2], body)
                    self.current = None
            lost = self.lost_answers > 0
            self.lost_answers -= lost
            self.changed.notify_all()
        if lost:
            handler.close_connection = True
        else:
            self.send(handler, status, b'{"status":"OK"}')

    def check_error(self, handler, error):
        self.check(set(error) == {"errorMessage", "errorType", "stackTrace"}, error)
        kind = handler.headers["Lambda-Runtime-Function-Error-Type"]
        self.check(kind == error["errorType"] and kind.startswith("Runtime."), kind)
        self.check(handler.headers["Content-Type"] == "application/vnd.aws.lambda.error+json", "type")

    def invoke(self, event, left_ms=DEADLINE_MS):
        """Hands the event to the function; waits for what it answers: (kind, body)."""
        request_id = str(uuid.uuid4())
        with self.changed:
            self.invocations.append((request_id, event, int(time.time() * 1000) + left_ms))
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: request_id in self.answers, 60), self.wrong
        return self.answers[request_id]


class Function:
    """`cruddur lambda post-confirmation` as a child process."""

    def __init__(self, api, url, settings):
        self.process = subprocess.Popen(
            [str(BINARY), "lambda", "post-confirmation"],
            env=environment(AWS_LAMBDA_RUNTIME_API=api.address, CONNECTION_URL=url, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(self):
        """Its end: (exit code, log lines, stderr)."""
        output, errors = self.process.communicate(timeout=60)
        assert not DEFECTS.search(errors), errors
        return self.process.returncode, [json.loads(line) for line in output.splitlines()], errors

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


@pytest.fixture
def api():
    api = RuntimeApi()
    yield api
    api.close()
    assert api.wrong == []


@pytest.fixture
def start(api):
    functions = []

    def start(url, **settings):
        functions.append(Function(api, url, settings))
        return functions[-1]

    yield start
    for function in functions:
        if function.process.returncode is None:
            function.process.kill()
            print(function.process.communicate())  # shown with a test that failed


def test_invocations_are_answered_with_their_event(api, start, database):
    function = start(database.url)
    for _ in range(3):
        attributes, event = event_of()
        for _ in range(2):
            assert api.invoke(event) == ("response", event)
            assert rows_of(database, attributes) == [row_of(attributes)]
    code, log, _ = function.stop()
    assert code == -signal.SIGTERM
    messages = [line["message"] for line in log]
    assert messages == ["the user was added", "the user was there already"] * 3
    assert all(line["level"] == "info" and line["request_id"] for line in log)
    assert api.connections == 7  # a kept one, and a new one for each answer, which is sent once
    assert database.value("select count(*) from pg_stat_activity where application_name = %s",
                          "cruddur post-confirmation") <= 1  # fmt: skip


@pytest.mark.parametrize("name", [name for name in BAD_EVENTS if name != "empty"])
def test_a_bad_event_is_answered_with_itself(api, start, database, name):
    function = start(database.url)
    assert api.invoke(BAD_EVENTS[name]) == ("response", BAD_EVENTS[name])
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)  # and the next one is served
    assert rows_of(database, attributes) == [row_of(attributes)]
    _, log, _ = function.stop()
    assert [line["level"] for line in log] == ["error", "info"]


def test_a_taken_handle_is_logged(api, start, database):
    user = database.add_user()
    function = start(database.url)
    _, event = event_of(handle=user.handle)
    assert api.invoke(event) == ("response", event)
    _, log, _ = function.stop()
    assert log[0]["level"] == "error" and f"the handle {user.handle} belongs" in log[0]["message"]


def test_a_database_that_is_down_and_comes_back(api, start, pg_cluster, template, key):
    """A kept connection that was cut is replaced; with no database at all the event comes back."""
    from harness.people import Database

    url = pg_cluster.fresh_database(template=template)
    database = Database(url, key)
    function = start(url)
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)
    database.run("""select pg_terminate_backend(pid) from pg_stat_activity
                    where application_name = 'cruddur post-confirmation'""")
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)
    assert rows_of(database, attributes) == [row_of(attributes)]
    name = url.rsplit("/", 1)[1]
    database.run("""select pg_terminate_backend(pid) from pg_stat_activity
                    where application_name = 'cruddur post-confirmation'""")
    database.close()
    admin = Database(pg_cluster.url("postgres"), key)
    admin.run(f'alter database "{name}" rename to "{name}_away"')
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)
    admin.run(f'alter database "{name}_away" rename to "{name}"')
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)
    database = Database(url, key)
    assert rows_of(database, attributes) == [row_of(attributes)]
    database.close()
    admin.close()
    _, log, _ = function.stop()
    assert [line["level"] for line in log] == ["info", "info", "error", "info"]


def test_the_deadline_is_kept_while_the_table_is_locked(api, start, database):
    function = start(database.url)
    lock = database.session()
    with lock.cursor() as cursor:
        cursor.execute("lock table public.users in access exclusive mode")
    _, event = event_of()
    assert api.invoke(event, left_ms=1000) == ("response", event)
    lock.close()
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)
    assert rows_of(database, attributes) == [row_of(attributes)]
    _, log, _ = function.stop()
    assert [line["level"] for line in log] == ["error", "info"]


def test_a_refused_answer_is_the_invocations_error(api, start, database):
    function = start(database.url)
    api.answer_status = 413
    kind, body = api.invoke(event_of()[1])
    assert kind == "error" and "413" in json.loads(body)["errorMessage"]
    api.answer_status = 202
    _, event = event_of()
    assert api.invoke(event) == ("response", event)
    function.stop()


def test_a_call_for_an_invocation_that_gets_no_answer_is_repeated(api, start, database):
    api.next_resets = 3
    function = start(database.url)
    assert added(api, database)
    _, log, _ = function.stop()
    assert [line["level"] for line in log] == ["info"]


def test_an_answer_that_was_taken_without_a_word_is_delivered(api, start, database):
    function = start(database.url)
    for _ in range(2):
        api.lost_answers = 1
        assert added(api, database)
    _, log, _ = function.stop()
    assert [line["level"] for line in log] == ["info", "info"]


def test_a_bad_setting_is_an_init_error(api, start):
    function = start(None)
    code, log, _ = function.wait()
    assert code == 2
    assert "CONNECTION_URL is not set" in api.init_errors[0]["errorMessage"]
    assert "CONNECTION_URL" in log[0]["message"]


@pytest.mark.parametrize("how", ["status", "headers", "gone"])
def test_an_api_that_makes_no_sense_ends_the_runtime(api, start, database, how):
    if how == "status":
        api.next_status = 500
    elif how == "headers":
        api.next_headers = False
    else:
        api.close()
    function = start(database.url)
    if how != "gone":
        with api.changed:
            api.invocations.append(("id", b"{}", 0))
            api.changed.notify_all()
    code, log, errors = function.wait()
    assert code == (1 if how == "headers" else 5)
    assert log[0]["level"] == "error" and "runtime API" in errors


def test_flags():
    assert run("lambda", "--help").stdout.startswith("Usage: cruddur lambda post-confirmation")
    assert run("lambda").returncode == 2
    assert run("lambda", "other").returncode == 2
    done = run("lambda", "post-confirmation", CONNECTION_URL="postgresql:///x")
    assert done.returncode == 2 and "AWS_LAMBDA_RUNTIME_API is not set" in done.stderr


# Its connection string from Parameter Store.

PARAMETER = "/cruddur/backend-flask/CONNECTION_URL"


@pytest.fixture
def store():
    store = ParameterStore()
    yield store
    store.close()
    assert all(refused.code in ("ParameterNotFound", "AccessDeniedException") for _, refused in store.refusals)


@pytest.fixture
def start_with(start, store):
    """start_with(url): the function, which finds this URL in Parameter Store."""

    def start_it(url=None, **settings):
        if url is not None:
            store.parameters[PARAMETER] = url
        return start(None, CONNECTION_URL_PARAMETER=PARAMETER, **{**store.settings(), **settings})

    return start_it


def added(api, database):
    """Invokes with a new event, whose answer is itself; True when there is a row now."""
    attributes, event = event_of()
    assert api.invoke(event) == ("response", event)
    return rows_of(database, attributes) == [row_of(attributes)]


def test_the_parameter_is_read_once(api, start_with, store, database):
    function = start_with(database.url + "\n")
    assert all([added(api, database) for _ in range(3)])
    _, log, errors = function.stop()
    assert len(store.calls) == 1 and store.refusals == []
    assert database.url not in json.dumps(log) + errors


def test_connection_url_goes_before_the_parameter(api, start, store, database):
    start(database.url, CONNECTION_URL_PARAMETER=PARAMETER, **store.settings())
    assert added(api, database)
    assert store.calls == []


@pytest.mark.parametrize("trouble", ["missing", "denied", "failing", "reset", "empty", "no URL", "not there"])
def test_events_come_back_until_the_parameter_is_there(api, start_with, store, database, trouble):
    """What fails is logged, with each event it is tried again, and no sign-up is held up."""
    url = {"missing": None, "empty": " ", "no URL": "nonsense="}.get(trouble, database.url)
    store.denied = trouble == "denied"
    store.fault = {"failing": lambda call: Fault.FAIL, "reset": lambda call: Fault.RESET_BEFORE}.get(trouble)
    nowhere = {"AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:1"} if trouble == "not there" else {}
    function = start_with(url, **nowhere)
    assert not added(api, database)
    store.denied, store.fault = False, None
    store.parameters[PARAMETER] = database.url
    assert added(api, database) == (trouble != "not there")
    _, log, _ = function.stop()
    assert [line["level"] for line in log][:2] == ["error", "error"]  # at the start, and with the event
    if trouble == "missing":
        assert "Parameter Store GetParameter: status 400, ParameterNotFound" in log[1]["message"]
    assert "request_id" in log[1]


def test_a_changed_password_is_read_anew(api, start_with, store, database):
    """The database refuses what was read: read again, and the same event has its row."""
    wrong = database.url.replace("postgres@", "nobody_by_this_name@")
    function = start_with(wrong)
    store.after = lambda call: store.parameters.update({PARAMETER: database.url})
    assert added(api, database)
    _, log, _ = function.stop()
    assert len(store.calls) == 2 and [line["level"] for line in log] == ["info"]


@pytest.fixture
def gate(pg_cluster):
    gate = Gate(pg_cluster)
    gate.open()
    yield gate
    gate.close()


def test_a_database_that_moved_is_found_for_the_same_event(api, start_with, store, database, gate):
    """The old host refuses connections, and the parameter names another one."""
    function = start_with(gate.url(database.url.rsplit("/", 1)[1]))
    assert added(api, database)
    gate.remove()
    database.run("""select pg_terminate_backend(pid) from pg_stat_activity
                    where application_name = 'cruddur post-confirmation'""")
    store.parameters[PARAMETER] = database.url
    assert added(api, database) and added(api, database)
    _, log, _ = function.stop()
    assert len(store.calls) == 2 and [line["level"] for line in log] == ["info"] * 3


def test_a_kept_connection_that_hangs_is_replaced(api, start_with, store, database, gate):
    function = start_with(gate.url(database.url.rsplit("/", 1)[1]))
    assert added(api, database)
    gate.freeze()
    store.parameters[PARAMETER] = database.url
    assert added(api, database)
    _, log, _ = function.stop()
    assert len(store.calls) == 2 and [line["level"] for line in log] == ["info"] * 2


def test_the_old_place_is_kept_while_the_parameter_cannot_be_read(api, start_with, store, database):
    function = start_with(database.url)
    assert added(api, database)
    store.denied = True
    database.run("""select pg_terminate_backend(pid) from pg_stat_activity
                    where application_name = 'cruddur post-confirmation'""")
    assert added(api, database)
    function.stop()


def test_a_password_that_stays_wrong(api, start_with, store, database):
    function = start_with(database.url.replace("postgres@", "nobody_by_this_name@"))
    assert not added(api, database)
    assert len(store.calls) == 2  # at the start, and once more
    store.parameters[PARAMETER] = database.url
    assert added(api, database)
    _, log, _ = function.stop()
    assert [line["level"] for line in log] == ["error", "info"]


@pytest.mark.parametrize("name, value", [("AWS_ENDPOINT_URL_SSM", "nonsense"), ("AWS_REGION", None)])
def test_a_bad_setting_of_aws_is_logged(api, start_with, database, name, value):
    function = start_with(database.url, **{name: value})
    assert not added(api, database)
    _, log, _ = function.stop()
    assert ("AWS_DEFAULT_REGION" if value is None else name) in log[0]["message"]
