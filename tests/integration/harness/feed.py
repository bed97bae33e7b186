"""A step for Load: reads of many kinds, each with one right answer that no other request has."""

import collections

Fixture = collections.namedtuple("Fixture", "user activity message")


class Checked:
    """Users with one activity each; a step asks about one of them and checks every word."""

    def __init__(self, database, number=24):
        self.rows = []
        for _ in range(number):
            user = database.add_user()
            message = f"of {user.handle} alone"
            self.rows.append(Fixture(user, database.add_activity(user, message), message))

    def step(self, api, number, turn):
        row = self.rows[(number * 7 + turn) % len(self.rows)]
        kind = (self.short, self.thread, self.page, self.search)[(number + turn) % 4]
        return kind(api, row)

    def check(self, answer, look):
        if answer.status == 503:
            answer.expect(503, ["generic_503"])
        else:
            look(answer.expect(200))
        return answer.status

    def short(self, api, row):
        def look(body):
            assert body == {
                "uuid": row.user.uuid,
                "handle": row.user.handle,
                "display_name": row.user.display_name,
            }

        return self.check(api.get(f"/api/users/@{row.user.handle}/short"), look)

    def thread(self, api, row):
        def look(body):
            assert body["activity"]["uuid"] == row.activity
            assert body["activity"]["message"] == row.message
            assert body["replies"] == []

        target = f"/api/activities/@{row.user.handle}/status/{row.activity}"
        return self.check(api.get(target), look)

    def page(self, api, row):
        def look(body):
            assert body["profile"]["uuid"] == row.user.uuid
            assert [activity["uuid"] for activity in body["activities"]] == [row.activity]

        return self.check(api.get(f"/api/activities/@{row.user.handle}"), look)

    def search(self, api, row):
        def look(body):
            assert [activity["uuid"] for activity in body] == [row.activity]

        return self.check(api.get(f"/api/activities/search?term={row.user.handle}"), look)
