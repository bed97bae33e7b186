"""Postgres down, back, killed, locked and slow: 503 in time, recovery, and never a wrong answer."""

import contextlib
import signal

import pytest

from harness.api import Api
from harness.feed import Checked
from harness.load import Load, at_once
from harness.people import Database, TableLock
from harness.raw import RawConnection, get
from conftest import default_settings, load_template
from pg_cluster import PgCluster, query

HOME = "/api/activities/home"


@pytest.fixture(scope="module")
def own_cluster():
    """A cluster that these tests may stop."""
    cluster = PgCluster.start()
    load_template(cluster)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def own_database(own_cluster, key):
    database = Database(own_cluster.fresh_database(template="cruddur_template"), key)
    yield database
    database.close()


@pytest.fixture(scope="module")
def database(own_database):
    return own_database


@pytest.fixture(scope="module")
def settings(database, jwks):
    """One connection a loop: a loop that is ready then has prepared all that it will send."""
    changes = {"CRUDDUR_PG_DEADLINE_MS": "3000", "CRUDDUR_PG_CONNECTIONS": "8"}
    return {**default_settings(database, jwks.url), **changes}


@pytest.fixture(scope="module")
def checked(database):
    return Checked(database)


@contextlib.contextmanager
def stopped(cluster, database, sig=signal.SIGINT):
    """Stops the cluster, and starts it again at the end if the test did not."""
    database.close()
    cluster.down(sig)
    try:
        yield
    finally:
        if cluster.process is None:
            cluster.up()
        database.__init__(database.url, database.key)


def wait_until_served(server, api, load=None):
    """Asks until the database is back for this server; every other answer must be a 503."""
    for _ in range(2000):
        answer = api.get(HOME)
        if answer.status == 200:
            return
        answer.expect(503, ["generic_503"])
        assert server.running()
        if load:
            load.check()
        select_pause()
    raise AssertionError("the server does not find the database again")


def select_pause():
    import select

    select.select([], [], [], 0.02)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGQUIT])
def test_stopped_and_started_under_load(start_api, own_cluster, database, checked, sig):
    server, api = start_api()
    with Load(api, checked.step, clients=8) as load:
        load.wait_for(200)
        with stopped(own_cluster, database, sig):
            load.wait_for(503)
            answer = api.get(HOME)
            answer.expect(503, ["generic_503"])
            assert 0 <= int(answer.header("Retry-After")) <= 2
            api.get("/api/health-check").expect(200, {"success": True, "ver": 1})
            assert api.get("/api/readiness").expect(503)["ready"] is False
            own_cluster.up()
            load.wait_for(200, more=100)
    assert load.lost == 0
    assert set(load.statuses) == {200, 503}
    assert api.wait_until_ready()["ready"] is True
    assert server.running()


def test_down_at_the_start(start_api, own_cluster, database):
    with stopped(own_cluster, database):
        server, api = start_api()
        api.get("/api/health-check").expect(200)
        assert api.get("/api/readiness").expect(503)["ready"] is False
        api.get(HOME).expect(503, ["generic_503"])
        user_token = "a.b.c"
        api.get("/api/activities/notifications", user_token).expect(401)
        api.get("/api/nothing").expect(404)
        own_cluster.up()
        wait_until_served(server, api)


def test_input_is_still_checked_while_the_database_is_down(start_api, database, jwks, key):
    from harness.tokens import token_for

    token = token_for(key, "someone")
    _, api = start_api(CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none")
    api.post("/api/activities", token, json={}).expect(422, ["message_blank", "ttl_blank"])
    api.get("/api/activities/search").expect(422, ["search_term_blank"])
    api.post("/api/activities", token, json={"message": "m", "ttl": "1-day"}).expect(503)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/none",
        "host=/nowhere user=nobody dbname=none",
        "postgresql://nobody@no.such.host.invalid/none",
    ],
)
def test_a_database_that_cannot_be_reached(start_api, url):
    server, api = start_api(CONNECTION_URL=url)
    for _ in range(5):
        api.get(HOME).expect(503, ["generic_503"])
    api.get("/api/health-check").expect(200)
    assert "nobody" not in api.get("/api/readiness").body.decode()
    server.stop()


def test_a_database_that_never_answers(start_api):
    """A socket that accepts and is silent: the deadline ends the wait."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d"
        server, api = start_api(CONNECTION_URL=url, CRUDDUR_PG_DEADLINE_MS=300)
        api.get(HOME).expect(503, ["generic_503"])
        api.get("/api/health-check").expect(200)
        server.stop()


def test_a_database_that_talks_nonsense(start_api):
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as silent:

        def babble():
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = silent.accept()
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
                    peer.close()

        threading.Thread(target=babble, daemon=True).start()
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d?sslmode=disable"
        server, api = start_api(CONNECTION_URL=url)
        api.get(HOME).expect(503, ["generic_503"])
        server.stop()
        silent.close()


def test_killed_connections(start_api, database, checked):
    """pg_terminate_backend again and again: answers are right or 503, and nobody is disconnected."""
    _, api = start_api()
    with Load(api, checked.step, clients=8) as load:
        load.wait_for(200)
        for _ in range(10):
            database.run(
                """select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()"""
            )
            load.wait_for(200, more=30)
    assert load.lost == 0
    assert set(load.statuses) <= {200, 503}


def test_cancelled_statements(start_api, database, checked):
    """pg_cancel_backend is no defect of the request: it may be tried again."""
    _, api = start_api()
    api.wait_until_ready()
    with TableLock(database) as lock:
        asked = api.another()
        asked.connection.request("GET", HOME)
        database.wait_for_blocked()
        database.run(
            """select pg_cancel_backend(pid) from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'"""
        )
        response = asked.connection.getresponse()
        assert response.status in (500, 503)
        response.read()
        lock.release()
    api.wait_until_ready()
    api.get(HOME).expect(200)


def test_a_writer_is_killed_before_it_commits(start_api, database):
    """The reply and the counter are both there or both not, whatever was answered."""
    user = database.add_user()
    parent = database.add_activity(user)
    _, api = start_api()
    for _ in range(5):
        api.wait_until_ready()
        with TableLock(database, "users"):
            writer = api.another()
            writer.connection.request(
                "POST",
                f"/api/activities/{parent}/reply",
                b'{"message":"m"}',
                {"Authorization": f"Bearer {user.token()}", "Content-Type": "application/json"},
            )
            database.wait_for_blocked()
            database.run(
                """select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'"""
            )
            response = writer.connection.getresponse()
            assert response.status in (500, 503)
            response.read()
    counted, stored = database.run(
        """select replies_count, (select count(*) from public.activities r
                                  where r.reply_to_activity_uuid = a.uuid)
           from public.activities a where uuid = %s""",
        parent,
    )[0]
    assert (counted, stored) == (0, 0)


def test_a_locked_table_is_503_at_the_deadline(start_api, database, checked):
    """And every other request, on whichever pipeline, gets its own answer or a 503."""
    _, api = start_api(CRUDDUR_PG_DEADLINE_MS=300)
    api.wait_until_ready()
    with Load(api, lambda a, n, t: checked.short(a, checked.rows[n]), clients=4) as load:
        load.wait_for(200)
        for _ in range(3):
            with TableLock(database):
                answers = at_once([lambda: api.another().get(HOME)] * 8)
                for answer in answers:
                    answer.expect(503, ["generic_503"])
                    assert 0 <= int(answer.header("Retry-After")) <= 2
                api.get("/api/health-check").expect(200)
            load.wait_for(200)
    assert load.lost == 0
    assert set(load.statuses) <= {200, 503}
    with Load(api, checked.step, clients=4) as load:
        load.wait_for(200, more=100)


def test_no_statement_outlives_its_deadline(start_api, database):
    """What was answered 503 does not go on in Postgres, and is not written later."""
    user = database.add_user()
    _, api = start_api(CRUDDUR_PG_DEADLINE_MS=300)
    api.wait_until_ready()
    body = {"message": "too late", "ttl": "1-day"}
    with TableLock(database):
        for _ in range(4):
            api.post("/api/activities", user.token(), json=body).expect(503, ["generic_503"])
        database.wait_until(
            """select count(*) = 0 from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'"""
        )
    stored = "select count(*) from public.activities where message = 'too late'"
    assert database.value(stored) == 0
    api.post("/api/activities", user.token(), json=body).expect(200)
    assert database.value(stored) == 1


def test_a_slow_request_between_quick_ones_of_one_connection(start_api, database):
    """Pipelined on one HTTP connection: the answers keep their order and their content."""
    users = [database.add_user() for _ in range(5)]
    server, api = start_api(CRUDDUR_LOOPS=1, CRUDDUR_PG_CONNECTIONS=4)
    api.get(HOME).expect(200)  # connected, and its statements prepared
    with RawConnection(server.port) as raw:
        with TableLock(database):
            raw.send(
                get(f"/api/users/@{users[0].handle}/short")
                + get(HOME + "?limit=1")
                + b"".join(get(f"/api/users/@{user.handle}/short") for user in users)
            )
            assert raw.read_answer().expect(200)["handle"] == users[0].handle
            database.wait_for_blocked()
        assert isinstance(raw.read_answer().expect(200), list)
        for user in users:
            assert raw.read_answer().expect(200)["handle"] == user.handle


@pytest.mark.parametrize("prepare", ["on", "off"])
def test_prepared_or_not_the_answers_are_the_same(start_api, database, checked, prepare):
    _, api = start_api(CRUDDUR_PG_PREPARE=prepare)
    with Load(api, checked.step, clients=4) as load:
        load.wait_for(200, more=200)
        database.run(
            """select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )
        load.wait_for(200, more=200)
    assert load.lost == 0


def test_the_database_is_dropped_and_made_anew(start_api, own_cluster, key):
    """A restore under the same name: the statements are prepared again, without a restart."""
    url = own_cluster.fresh_database(template="cruddur_template")
    name = url.rpartition("/")[2]
    server, api = start_api(CONNECTION_URL=url)
    api.wait_until_ready()
    query(own_cluster.url("postgres"), f'drop database "{name}" with (force)')
    answer = api.get(HOME)
    answer.expect(503, ["generic_503"])
    own_cluster.fresh_database(template="cruddur_template", name=name)
    wait_until_served(server, api)


# --- Overload ---


def test_a_full_queue_is_503_at_once(start_api, database):
    """One in flight, one in the queue, the third is refused while the first two still wait. They ask
    for different things: for the same they would share."""
    server, api = start_api(
        CRUDDUR_LOOPS=1,
        CRUDDUR_PG_CONNECTIONS=4,
        CRUDDUR_PG_PIPELINE_DEPTH=1,
        CRUDDUR_PG_QUEUE_LIMIT=1,
        CRUDDUR_PG_DEADLINE_MS=60000,
    )
    api.get(HOME).expect(200)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(TableLock(database))
        first = stack.enter_context(RawConnection(server.port))
        first.send(get(HOME))
        database.wait_for_blocked()
        others = [stack.enter_context(RawConnection(server.port)) for _ in range(8)]
        for number, raw in enumerate(others, 1):
            raw.send(get(f"{HOME}?limit={number}"))
        refused = [raw for raw in others if raw.readable(1)]
        for _ in range(20):
            if len(refused) == len(others) - 1:
                break
            refused = [raw for raw in others if raw.readable(1)]
        assert len(refused) == len(others) - 1
        for raw in refused:
            answer = raw.read_answer()
            answer.expect(503, ["generic_503"])
            assert 0 <= int(answer.header("Retry-After")) <= 2
        api.get("/api/health-check").expect(200)
        lock.release()
        queued = [raw for raw in others if raw not in refused]
        for raw in [first] + queued:
            raw.read_answer().expect(200)


def test_more_clients_than_anything_has_room_for(start_api, database, checked):
    """A tiny pool under many clients: 200 or 503, nothing mixed up, nobody forgotten."""
    _, api = start_api(
        CRUDDUR_PG_CONNECTIONS=4, CRUDDUR_PG_PIPELINE_DEPTH=2, CRUDDUR_PG_QUEUE_LIMIT=4
    )
    with Load(api, checked.step, clients=24) as load:
        load.wait_for(200, more=500)
    assert load.lost == 0
    assert set(load.statuses) <= {200, 503}
    api.get(HOME).expect(200)


def test_readiness_needs_no_free_place_in_the_queue(start_api, database):
    server, api = start_api()
    with TableLock(database):
        blocked = Api(server.port, api.description)
        blocked.connection.request("GET", HOME)
        database.wait_for_blocked()
        api.get("/api/health-check").expect(200)
        blocked.close()
