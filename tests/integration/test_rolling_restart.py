"""A rolling restart: two servers behind nginx, restarted in turn under load, lose not one request.

2,000 requests at least; with CRUDDUR_TEST_FULL=1, 100,000."""

import os

import pytest

from harness.api import Api
from harness.balancer import Balancer, free_ports
from harness.load import Load

REQUESTS = 100_000 if os.environ.get("CRUDDUR_TEST_FULL") == "1" else 2_000
RESTARTS = 4
BETWEEN = 100  # requests that are answered after each restart, before the next
CLIENTS = 12
WRITERS = 4  # of the clients: they post, and nginx never sends a post twice


class Traffic:
    """Reads and writes; `posted` holds the messages whose posts were answered 200."""

    def __init__(self, database):
        self.users = [database.add_user() for _ in range(CLIENTS)]
        self.activities = [database.add_activity(user, user.handle) for user in self.users]
        self.tokens = [user.token() for user in self.users]
        self.posted = [[] for _ in range(CLIENTS)]

    def step(self, api, number, turn):
        if number < WRITERS:
            return self.write(api, number, turn)
        return self.read(api, number)

    def write(self, api, number, turn):
        message = f"post {turn} of {number}"
        answer = api.exchange(
            "POST", "/api/activities", f'{{"message":"{message}","ttl":"1-day"}}'.encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.tokens[number]}"},
        )  # fmt: skip
        if answer.status == 200:
            assert answer.json()["message"] == message
            self.posted[number].append(message)
        return answer.status

    def read(self, api, number):
        handle = self.users[number].handle
        target = f"/api/activities/@{handle}/status/{self.activities[number]}"
        answer = api.exchange("GET", target, None, {})
        if answer.status == 200:
            assert answer.json()["activity"]["message"] == handle
        return answer.status

    def check_rows(self, database):
        """Each post is in the database once, in the order of its writer."""
        for number in range(WRITERS):
            rows = database.run(
                "select message from public.activities where user_uuid = %s and message <> %s"
                " order by created_at",
                self.users[number].uuid, self.users[number].handle,
            )  # fmt: skip
            assert [message for (message,) in rows] == self.posted[number]


@pytest.fixture
def balancer_of():
    made = []

    def make(ports):
        made.append(Balancer(ports))
        return made[-1]

    yield make
    for balancer in made:
        balancer.stop()


def test_no_request_is_lost(start_server, balancer_of, database, description):
    ports = free_ports(2)

    def start(port):
        server = start_server(PORT=port, CRUDDUR_DRAIN_DELAY_S=None)  # None: the default
        Api(port, description).wait_until_ready()
        return server

    servers = [start(port) for port in ports]
    balancer = balancer_of(ports)
    traffic = Traffic(database)
    restarts = 0
    with Load(Api(balancer.port, description), traffic.step, clients=CLIENTS) as load:
        load.wait_for(200, more=BETWEEN)
        while restarts < RESTARTS or load.statuses[200] < REQUESTS:
            which = restarts % 2
            servers[which].terminate()
            servers[which].expect_end()
            servers[which] = start(ports[which])
            restarts += 1
            load.wait_for(200, more=BETWEEN)
    print(f"{restarts} restarts, {dict(load.statuses)}, {load.lost} lost")
    assert load.lost == 0, balancer.failures()
    assert set(load.statuses) == {200}, (load.statuses, balancer.failures())
    assert load.statuses[200] >= REQUESTS
    traffic.check_rows(database)
