"""The stores of direct messages as tests see them: rows that were there before the server, and the
settings that choose a store. A test that takes `store` runs once for each.

    store.settings()                          what the server's environment needs
    store.add_group(first, second, …)         a group of two users; its uuid
    store.add_message(group, sender, …)       a message in it; its uuid
"""

import uuid

import pytest

from emulators import dynalite  # noqa: F401 (fixture)
from harness.people import utc_now


def new_uuid():
    return str(uuid.uuid4())


def text_of(moment, offset="+00:00"):
    """A time as the table has it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + offset


class PostgresStore:
    name = "postgres"

    def __init__(self, database):
        self.database = database

    def settings(self):
        return {}

    def add_group(self, first, second, message="Hello.", at=None, group=None):
        """The group, and a message of `first` in it at its time."""
        group, at = group or new_uuid(), at or utc_now()
        pair = sorted([first.uuid, second.uuid])
        self.database.run(
            """insert into public.message_groups
                 (uuid, first_user_uuid, second_user_uuid, last_message_at)
               values (%s, %s, %s, %s)""",
            group, *pair, at,
        )  # fmt: skip
        self.add_message(group, first, message, at)
        return group

    def add_message(self, group, sender, message="Hello.", at=None, message_uuid=None):
        message_uuid = message_uuid or new_uuid()
        self.database.run(
            """insert into public.messages (uuid, message_group_uuid, user_uuid, message, created_at)
               values (%s, %s, %s, %s, %s)""",
            message_uuid, group, sender.uuid, message, at or utc_now(),
        )  # fmt: skip
        return message_uuid


class DynamoStore:
    name = "dynamodb"

    def __init__(self, emulator, table_name=None):
        self.emulator = emulator
        self.table_name = table_name or "messages-" + uuid.uuid4().hex[:12]
        self.table = emulator.create_table(self.table_name)

    def settings(self):
        return {
            **self.emulator.settings(),
            "DDB_MESSAGE_TABLE": self.table_name,
            "CRUDDUR_DDB_DEADLINE_MS": "30000",  # slow machines and sanitizers are no failures
        }

    def add_group(self, first, second, message="Hello.", at=None, group=None, offset="+00:00"):
        group, at = group or new_uuid(), at or utc_now()
        for member, other in ((first, second), (second, first)):
            self.add_group_row(group, member, other, message, text_of(at, offset))
        self.add_message(group, first, message, at, offset=offset)
        return group

    def add_group_row(self, group, member, other, message, sk):
        self.table.put_item(Item=group_item(group, member, other, message, sk))

    def add_message(
        self, group, sender, message="Hello.", at=None, message_uuid=None, offset="+00:00"
    ):
        message_uuid = message_uuid or new_uuid()
        sk = text_of(at or utc_now(), offset)
        self.table.put_item(Item=message_item(group, sender, message, sk, message_uuid))
        return message_uuid

    def query(self, pk):
        """Every item of a partition, oldest first."""
        items, start = [], {}
        while True:
            page = self.table.query(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": pk},
                ConsistentRead=True,
                **start,
            )
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return items
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def messages(self, group):
        return self.query(f"MSG#{group}")

    def groups(self, user):
        return self.query(f"GRP#{user.uuid}")


def group_item(group, member, other, message, sk):
    return {
        "pk": f"GRP#{member.uuid}",
        "sk": sk,
        "message_group_uuid": group,
        "message": message,
        "user_uuid": other.uuid,
        "user_display_name": other.display_name,
        "user_handle": other.handle,
    }


def message_item(group, sender, message, sk, message_uuid):
    return {
        "pk": f"MSG#{group}",
        "sk": sk,
        "message": message,
        "message_uuid": message_uuid,
        "user_uuid": sender.uuid,
        "user_display_name": sender.display_name,
        "user_handle": sender.handle,
    }


@pytest.fixture(scope="module", params=["postgres", "dynamodb"])
def store(request, database):
    if request.param == "postgres":
        return PostgresStore(database)
    return DynamoStore(request.getfixturevalue("dynalite"))
