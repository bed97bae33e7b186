"""cruddur ddb and bin/ddb: the table of messages is made, filled, looked at, dropped."""

import json
import os
import subprocess
import uuid

import pytest

from emulators import dynalite  # noqa: F401 (fixture)
from harness.description import PROJECT
from harness.dynamo_proxy import DynamoProxy, Fault
from harness.people import User
from harness.server import BINARY, environment, run
from message_stores import DynamoStore
from pg_cluster import query
from test_messages import groups_of, listed

KEYS = {"pk", "sk", "message", "user_uuid", "user_display_name", "user_handle"}


@pytest.fixture
def name():
    return "messages-" + uuid.uuid4().hex[:12]


@pytest.fixture
def ddb(dynalite, name):  # noqa: F811
    """ddb("schema-load", …) runs the command against the emulator, for a table of its own."""

    def call(*arguments, **settings):
        return run("ddb", *arguments, **{**dynalite.settings(), "DDB_MESSAGE_TABLE": name, **settings})

    return call


def script(operation, *arguments, answer="", **settings):
    return subprocess.run(
        [str(PROJECT / "bin" / "ddb" / operation), *arguments],
        env={**environment(**settings), "CRUDDUR_BINARY": str(BINARY)},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def good(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_is_made_as_in_production(ddb, dynalite, name):  # noqa: F811
    assert good(ddb("schema-load")) == f"Made the table {name}\n"
    table = dynalite.client("dynamodb").describe_table(TableName=name)["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {row["AttributeType"] for row in table["AttributeDefinitions"]} == {"S"}
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "message-group-sk-index"
    assert index["KeySchema"] == [
        {"AttributeName": "message_group_uuid", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "ALL"}


@pytest.fixture
def proxy(dynalite):  # noqa: F811
    proxy = DynamoProxy(dynalite.port)
    yield proxy
    proxy.close()


def test_a_table_whose_making_is_not_heard_of(ddb, dynalite, proxy, name):  # noqa: F811
    """The answer to CreateTable is lost, and for a moment DescribeTable does not know the table."""
    lost, missing = [Fault.DROP_AFTER], [Fault.NOT_FOUND] * 3

    def plan(call):
        if call.operation == "CreateTable":
            return lost.pop() if lost else None
        return missing.pop() if missing else None

    proxy.plan = plan
    done = ddb("schema-load", AWS_ENDPOINT_URL_DYNAMODB=proxy.url)
    assert good(done) == f"Made the table {name}\n" and not lost and not missing
    dynalite.table(name).put_item(Item={"pk": "MSG#1", "sk": "1"})


@pytest.mark.parametrize("fault", [Fault.END_NULL, Fault.END_EMPTY, Fault.STUCK])
def test_the_end_of_a_list(ddb, dynalite, proxy, name, fault):  # noqa: F811
    good(ddb("schema-load"))
    dynalite.table(name).put_item(Item={"pk": "MSG#1", "sk": "1"})
    proxy.plan = lambda call: fault
    for operation in ("scan", "list-tables"):
        done = ddb(operation, AWS_ENDPOINT_URL_DYNAMODB=proxy.url)
        if fault is Fault.STUCK:
            assert done.returncode == 5 and "does not advance" in done.stderr
        else:
            assert ('{"pk":"MSG#1","sk":"1"}' if operation == "scan" else name) in good(done)


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.ALTERED, Fault.CUT_CLOSE, Fault.BUSY])
def test_damaged_answers_are_unavailable(ddb, proxy, fault):
    proxy.plan = lambda call: fault
    done = ddb("list-tables", AWS_ENDPOINT_URL_DYNAMODB=proxy.url)
    assert done.returncode == 5, done.stderr


def test_making_it_again_changes_nothing(ddb, dynalite, name):  # noqa: F811
    good(ddb("schema-load"))
    dynalite.table(name).put_item(Item={"pk": "MSG#1", "sk": "1"})
    assert "already" in good(ddb("schema-load"))
    assert good(ddb("scan")) == '{"pk":"MSG#1","sk":"1"}\n'


def test_a_table_of_another_kind_is_refused(ddb, dynalite, name):  # noqa: F811
    dynalite.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    done = ddb("schema-load")
    assert done.returncode == 4
    assert name in done.stderr and "--table" in done.stderr


def test_list_tables(ddb, name):
    assert name not in good(ddb("list-tables")).splitlines()
    good(ddb("schema-load"))
    good(ddb("schema-load", "--table", name + "-2"))
    names = good(ddb("list-tables")).splitlines()
    assert {name, name + "-2"} <= set(names)


def test_drop_refuses_a_table_with_items(ddb, dynalite, name):  # noqa: F811
    good(ddb("schema-load"))
    dynalite.table(name).put_item(Item={"pk": "MSG#1", "sk": "1"})
    done = ddb("drop")
    assert done.returncode == 4 and "--force" in done.stderr
    assert good(ddb("scan"))
    assert good(ddb("drop", "--force")) == f"Dropped the table {name}\n"
    assert name not in good(ddb("list-tables")).splitlines()
    assert good(ddb("drop")) == f"There is no table {name}\n"


def test_drop_an_empty_table(ddb, name):
    good(ddb("schema-load"))
    good(ddb("drop"))
    assert ddb("scan").returncode == 1


def test_scan_goes_through_all_pages(ddb, dynalite, name):  # noqa: F811
    good(ddb("schema-load"))
    with dynalite.table(name).batch_writer() as batch:
        for number in range(300):
            batch.put_item(Item={"pk": f"MSG#{number}", "sk": "1", "message": "é" * 3000, "n": 5})
    rows = [json.loads(line) for line in good(ddb("scan")).splitlines()]
    assert sorted(row["pk"] for row in rows) == sorted(f"MSG#{number}" for number in range(300))
    assert rows[0]["n"] == {"N": "5"}


def test_the_seeded_conversation(ddb, dynalite, name, database, start_api):  # noqa: F811
    good(ddb("schema-load"))
    andrew, bayko = (user_of(database, handle) for handle in ("andrewbrown", "bayko"))
    for _ in range(2):
        done = ddb("seed", CONNECTION_URL=database.url)
        good(done)
    assert "already" in done.stdout
    rows = [json.loads(line) for line in good(ddb("scan")).splitlines()]
    for row in rows:
        extra = "message_uuid" if row["pk"].startswith("MSG#") else "message_group_uuid"
        assert row.keys() == KEYS | {extra}
    _, api = start_api(**dynalite.settings(), DDB_MESSAGE_TABLE=name)
    (group,) = groups_of(api, andrew)
    assert group["handle"] == "bayko"
    messages = listed(api, group["uuid"], bayko)
    assert len(messages) == 10
    assert messages[-1]["message"] == group["message"]
    assert {row["handle"] for row in messages} == {"andrewbrown", "bayko"}


def test_an_interrupted_seed_is_completed(ddb, dynalite, name, database):  # noqa: F811
    good(ddb("schema-load"))
    good(ddb("seed", CONNECTION_URL=database.url))
    table = dynalite.table(name)
    whole = table.scan()["Items"]

    def texts():
        return sorted((item["pk"], item["sk"], item["message"]) for item in table.scan()["Items"])

    before = texts()
    messages = [item for item in whole if item["pk"].startswith("MSG#")]
    rows = [item for item in whole if item["pk"].startswith("GRP#")]
    for lost in (messages[:3], rows, messages, [*messages[1:], rows[0]]):
        for item in lost:
            table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
        assert "Completed" in good(ddb("seed", CONNECTION_URL=database.url))
        assert texts() == before
    table.put_item(Item={**messages[0], "sk": "2099-01-01T00:00:00.000000+00:00", "message": "Mine."})
    table.delete_item(Key={"pk": messages[5]["pk"], "sk": messages[5]["sk"]})
    assert "already" in good(ddb("seed", CONNECTION_URL=database.url))
    assert len(texts()) == 12


def user_of(database, handle):
    """A seeded user, with a sub of their own."""
    sub = str(uuid.uuid4())
    row = database.run(
        """update public.users set cognito_user_id = %s where handle = %s
           returning display_name, uuid::text""",
        sub, handle,
    )[0]  # fmt: skip
    return User(database.key, handle, sub, *row)


def test_seed_without_users_or_table(ddb, pg_cluster, database):
    done = ddb("seed", CONNECTION_URL=database.url)
    assert done.returncode == 1 and "ResourceNotFoundException" in done.stderr
    good(ddb("schema-load"))
    assert ddb("seed").returncode == 2
    assert ddb("seed", CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none").returncode == 5
    url = pg_cluster.fresh_database(template="cruddur_template")
    query(url, "truncate public.users cascade")
    done = ddb("seed", CONNECTION_URL=url)
    assert done.returncode == 1 and "bin/db/seed" in done.stderr


def test_errors(ddb):
    for arguments in ([], ["fly"], ["scan", "extra"], ["scan", "--limit"]):
        done = ddb(*arguments)
        assert done.returncode == 2 and "ddb: " in done.stderr, arguments
    assert ddb("list-tables", AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:1").returncode == 5
    assert ddb("list-tables", AWS_ENDPOINT_URL_DYNAMODB="nonsense").returncode == 2
    without = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert ddb("list-tables", **without).returncode == 6
    assert ddb("list-tables", AWS_DEFAULT_REGION=None).returncode == 2


def test_the_scripts(dynalite, name, database):  # noqa: F811
    settings = {
        "AWS_ENDPOINT_URL": dynalite.url,
        "DDB_MESSAGE_TABLE": name,
        "CONNECTION_URL": database.url,
    }
    good(script("schema-load", **settings))
    assert name in good(script("list-tables", **settings)).splitlines()
    good(script("seed", **settings))
    assert len(good(script("scan", **settings)).splitlines()) == 12
    assert script("drop", **settings).returncode == 4
    good(script("drop", "--force", **settings))
    good(script("schema-load", "--table", name + "-2", **settings))
    good(script("drop", f"--table={name}-2", **settings))


def test_a_dry_run_changes_nothing(dynalite, name, database):  # noqa: F811
    settings = {"AWS_ENDPOINT_URL": dynalite.url, "DDB_MESSAGE_TABLE": name, "CONNECTION_URL": database.url}

    def rehearse(operation):
        done = script(operation, "--dry-run", **settings)
        good(done)
        assert f"would run: cruddur ddb {operation} --table {name}" in done.stderr

    rehearse("schema-load")
    assert name not in good(script("list-tables", **settings)).splitlines()
    good(script("schema-load", **settings))
    rehearse("seed")
    rehearse("drop")
    assert good(script("scan", **settings)) == ""
    assert script("scan", "--dry-run", **settings).returncode == 2


@pytest.mark.parametrize("operation", ["drop", "seed"])
def test_production_wants_the_table_s_name(dynalite, name, database, operation):  # noqa: F811
    store = DynamoStore(dynalite, name)
    settings = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynalite.url,
        "DDB_MESSAGE_TABLE": name,
        "PROD_CONNECTION_URL": database.url,
    }
    for answer in ("", "cruddur\n", "y\n"):
        done = script(operation, "prod", answer=answer, **settings)
        assert done.returncode == 4 and "nothing was done" in done.stderr
    assert store.table.scan()["Count"] == 0


def test_the_scripts_need_a_table_s_name_and_know_no_other_flags(dynalite):  # noqa: F811
    for operation in ("list-tables", "schema-load", "seed", "scan", "drop"):
        for argument in ("--fly", "extra", "--table"):
            done = script(operation, argument, AWS_ENDPOINT_URL=dynalite.url)
            assert done.returncode == 2 and "--help" in done.stderr
        assert "Usage: bin/ddb/" + operation in good(script(operation, "--help"))
    assert script("scan", "--force", AWS_ENDPOINT_URL=dynalite.url).returncode == 2
    assert os.access(PROJECT / "bin" / "ddb" / "drop", os.X_OK)
