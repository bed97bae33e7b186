"""Readiness is one answer of the whole process, and it comes true when Postgres does."""

import pytest

from harness.flood import Request, at_once
from harness.gate import Gate
from harness.people import Database
from harness.roles import Role
from conftest import load_template
from pg_cluster import PgCluster

READINESS = "/api/readiness"
HOME = "/api/activities/home"
EVERY_LOOP = 24  # new connections, spread over the loops by the kernel: none is left out


@pytest.fixture
def gate(pg_cluster):
    gate = Gate(pg_cluster)
    yield gate
    gate.close()


@pytest.fixture
def role(pg_cluster, database):
    return Role(pg_cluster, database)


def name_of(database):
    return database.value("select current_database()")


def ask_every_loop(server):
    """The statuses of readiness, in the order of asking, each on a connection of its own."""
    return [at_once(server.port, [Request("GET", READINESS)])[0].status for _ in range(EVERY_LOOP)]


def test_once_ready_always_ready(start_server, gate, database):
    """Connections open one by one: first every answer is 503, then every answer is 200."""
    server = start_server(CONNECTION_URL=gate.url(name_of(database)), CRUDDUR_PG_CONNECTIONS=8)
    gate.wait_for_waiting(1)
    statuses = ask_every_loop(server)
    assert set(statuses) == {503}
    for number in range(1, 9):
        gate.let()
        gate.wait_for_passed(number)
        statuses += ask_every_loop(server)
    gate.open()
    statuses += wait_for_statuses(server, {200})
    first = statuses.index(200)
    assert set(statuses[:first]) == {503}
    assert set(statuses[first:]) == {200}, "it took its word back"


def test_a_loop_without_a_read_connection(start_server, start_api, gate, role, database):
    """It is not ready, whichever loop is asked, and ready again when it has one."""
    url = gate.url(name_of(database), role.name)
    server, api = start_api(CONNECTION_URL=url, CRUDDUR_PG_CONNECTIONS=8)
    gate.open()
    api.wait_until_ready()
    readers, _ = tell_apart(server, role, database)
    gate.shut()
    for pid in readers[1:]:  # of two loops with two each, one at least has none left
        database.run("select pg_terminate_backend(%s)", pid)
    gate.wait_for_waiting(1)
    wait_for_statuses(server, {503})
    assert set(ask_every_loop(server)) == {503}
    gate.open()
    wait_for_statuses(server, {200})
    assert set(ask_every_loop(server)) == {200}


def test_a_lost_write_connection_is_reported_and_still_ready(start_api, gate, role, database):
    url = gate.url(name_of(database), role.name)
    server, api = start_api(CONNECTION_URL=url, CRUDDUR_PG_CONNECTIONS=8)
    gate.open()
    api.wait_until_ready()
    whole = wait_for_body(server, lambda body: "down" not in body.values())
    _, writers = tell_apart(server, role, database)
    gate.shut()
    for pid in writers:
        database.run("select pg_terminate_backend(%s)", pid)
    gate.wait_for_waiting(1)
    body = wait_for_body(server, lambda body: body != whole)
    assert "down" in body.values(), f"the lost connection is not reported: {body}"
    assert set(ask_every_loop(server)) == {200}
    api.another().get(HOME).expect(200)
    gate.open()
    assert wait_for_body(server, lambda body: body == whole)


def tell_apart(server, role, database):
    """(the pids of the read connections, those of the write connections), by what they did last."""
    user = database.add_user()
    body = {"message": "which one writes?", "ttl": "1-day"}
    for _ in range(32):
        posted = [Request("POST", "/api/activities", user.token(), body)]
        at_once(server.port, posted)[0].expect(200)
        at_once(server.port, [Request("GET", "/api/activities/search?term=which")])[0].expect(200)
        notifications = [Request("GET", "/api/activities/notifications", user.token())]
        at_once(server.port, notifications)[0].expect(200)
    writers = role.pids("query like '%%INSERT INTO public.activities%%'")
    heavy = role.pids("(query like '%%ILIKE%%' or query like '%%concerns AS%%')")
    readers = [pid for pid in role.pids() if pid not in writers and pid not in heavy]
    assert (len(readers), len(writers), len(heavy)) == (4, 2, 2)
    return readers, writers


def wait_for_statuses(server, wanted):
    """Asks until every loop answers so; all that was answered."""
    answered = []
    for _ in range(500):
        answered += ask_every_loop(server)
        if set(answered[-EVERY_LOOP:]) == wanted:
            return answered
    raise AssertionError(f"readiness is not {wanted} everywhere")


def wait_for_body(server, wanted):
    for _ in range(5000):
        body = at_once(server.port, [Request("GET", READINESS)])[0].json()
        if wanted(body):
            return body
    raise AssertionError(f"readiness stays {body}")


def test_the_role_may_have_no_more_connections_than_the_pool(start_api, jwks, key):
    """And Postgres is down at the start: the server finds it, checks the schema and is ready."""
    cluster = PgCluster.start()
    try:
        load_template(cluster)
        database = Database(cluster.fresh_database(template="cruddur_template"), key)
        role = Role(cluster, database, "connection limit 4")
        database.close()
        for _ in range(3):  # whoever comes first takes the fourth connection: not always the same
            cluster.down()
            server, api = start_api(
                CONNECTION_URL=role.url, CRUDDUR_LOOPS=1, CRUDDUR_PG_CONNECTIONS=4
            )
            assert api.get(READINESS).expect(503)["ready"] is False
            cluster.up()
            api.wait_until_ready()
            api.get(HOME).expect(200)
            server.stop()
    finally:
        cluster.stop()
