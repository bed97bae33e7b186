"""5,000 people look at home at the same moment: each is answered."""

from harness.crowd import Crowd, raise_file_limit
from harness.raw import get

CONNECTIONS = 5_000


def test_five_thousand_connections_on_home(start_api, database):
    user = database.add_user()
    for number in range(5):
        database.add_activity(user, f"for the crowd {number}")
    assert raise_file_limit() > CONNECTIONS + 500, "ulimit -n is too low for this test"
    server, api = start_api(CRUDDUR_MAX_CONNECTIONS=CONNECTIONS + 1000)
    api.wait_until_ready()
    server.wait_until_connected()
    with Crowd(server.port, CONNECTIONS) as crowd:
        for _ in range(2):
            assert crowd.ask(get("/api/activities/home?limit=5")) == {200: CONNECTIONS}
