"""What signals do to the server, beside SIGTERM, which is in test_shutdown.py."""

import signal

from harness.people import TableLock
from harness.raw import RawConnection, get

HOME = "/api/activities/home"
PRIVATE = "/api/activities/notifications"
ON = "SIGUSR1: debug lines are logged, until the next one"
OFF = "SIGUSR1: debug lines are no longer logged"


def send(server, number):
    server.process.send_signal(number)


def test_a_hang_up_is_ignored_and_logged(start_api):
    server, api = start_api()
    api.wait_until_ready()
    send(server, signal.SIGHUP)
    event = server.log.wait_for(level="warning")
    assert event["message"].startswith("SIGHUP is ignored")
    api.get(HOME).expect(200)


def test_usr2_is_ignored(start_api):
    server, api = start_api()
    for _ in range(3):
        send(server, signal.SIGUSR2)
    send(server, signal.SIGHUP)  # its line shows that the others were delivered
    server.log.wait_for(level="warning")
    api.get("/api/health-check").expect(200)


def toggle(server, says, number):
    send(server, signal.SIGUSR1)
    assert server.log.wait_for(number=number, message=says)


def test_usr1_turns_debug_lines_on_and_off(start_api):
    server, api = start_api(LOG_LEVEL="info")
    for number in (1, 2):
        toggle(server, ON, number)
        api.get(PRIVATE, "no-token").expect(401)
        toggle(server, OFF, number)
        api.get(PRIVATE, "no-token").expect(401)
    server.stop()
    assert len(server.log.find(message="token refused")) == 2


def test_usr1_turns_off_what_log_level_turned_on(start_api):
    server, api = start_api(LOG_LEVEL="debug")
    toggle(server, OFF, 1)
    api.get(PRIVATE, "no-token").expect(401)
    server.stop()
    assert not server.log.find(message="token refused")


def test_quit_ends_quickly(start_server, database):
    """Who waits is answered 503 at once, long before the time to drain is over."""
    server = start_server(
        CRUDDUR_PG_CONNECTIONS=8, CRUDDUR_PG_DEADLINE_MS=60000, CRUDDUR_DRAIN_TIMEOUT_S=300,
        CRUDDUR_DRAIN_DELAY_S=60,
    )  # fmt: skip
    server.wait_until_connected()
    with RawConnection(server.port) as raw, TableLock(database):
        raw.send(get(HOME))
        database.wait_for_blocked()
        send(server, signal.SIGQUIT)
        raw.read_answer().expect(503, ["generic_503"])
        server.expect_end()
    assert server.log.find(message="stopping", signal="SIGQUIT")
    assert server.log.find(message="stopped")


def test_quit_while_it_drains_ends_at_once(start_server, database):
    server = start_server(
        CRUDDUR_PG_CONNECTIONS=8, CRUDDUR_PG_DEADLINE_MS=60000, CRUDDUR_DRAIN_TIMEOUT_S=300
    )
    server.wait_until_connected()
    with RawConnection(server.port) as raw, TableLock(database):
        raw.send(get(HOME))
        database.wait_for_blocked()
        server.terminate()
        server.log.wait_for(message="stopping")
        send(server, signal.SIGQUIT)
        server.expect_end(128 + signal.SIGQUIT)
