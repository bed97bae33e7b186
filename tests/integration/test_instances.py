"""Several servers on one database: what one writes, the others answer."""

import pytest

from harness.feed import Checked
from harness.load import Load, at_once


@pytest.fixture
def instances(start_api):
    return [start_api()[1] for _ in range(3)]


def test_what_one_writes_all_read_at_once(instances, database):
    user = database.add_user()
    for number in range(15):
        writer = instances[number % 3]
        body = {"message": f"number {number}", "ttl": "1-hour"}
        posted = writer.post("/api/activities", user.token(), json=body).expect(200)
        for reader in instances:
            assert reader.get("/api/activities/home?limit=1").expect(200) == [posted]
    body = {"display_name": "Renamed", "bio": ""}
    instances[0].put("/api/profile/update", user.token(), json=body).expect(200)
    for reader in instances:
        short = reader.get(f"/api/users/@{user.handle}/short").expect(200)
        assert short["display_name"] == "Renamed"


def test_replies_through_all_are_all_counted(instances, database):
    user = database.add_user()
    parent = database.add_activity(user)

    def reply(api):
        path = f"/api/activities/{parent}/reply"
        api.another().post(path, user.token(), json={"message": "m"}).expect(200)

    at_once([lambda api=api: reply(api) for api in instances * 10])
    thread = f"/api/activities/@{user.handle}/status/{parent}"
    for api in instances:
        body = api.get(thread).expect(200)
        assert body["activity"]["replies_count"] == 30
        assert len(body["replies"]) == 30


def test_a_cursor_of_one_is_good_at_another(instances, database):
    user = database.add_user()
    for age in range(6):
        database.add_activity(user, str(age), age=age)
    first = instances[0].get("/api/activities/home?limit=3")
    target = first.header("Link").partition(">")[0].lstrip("<")
    rest = instances[1].get(target).expect(200)
    whole = instances[2].get("/api/activities/home?limit=6").expect(200)
    assert first.json() + rest == whole


def test_one_ends_the_others_serve(start_api, database):
    checked = Checked(database, 8)
    leaving, first = start_api()
    _, second = start_api()
    with Load(first, checked.step, clients=4), Load(second, checked.step, clients=4) as load:
        load.wait_for(200, more=100)
        leaving.terminate()
        leaving.expect_end()
        load.wait_for(200, more=100)
    assert load.lost == 0
    assert set(load.statuses) == {200}
