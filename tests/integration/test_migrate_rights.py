"""Servers that take no writes, and roles that may do much or little: what migrations do and say there."""

import os
import subprocess
import uuid

import pytest

from harness.migrations import (
    BASE, BINARY, BIO, CREDENTIALS, DONE, FAILED, REPLY, UNAVAILABLE, Folder, has, history, last_run, load, migrate,
    rollback, run,
)
from harness.old_databases import ADD_BIO, NEWEST, OLD_BASE, REPLACE_REPLY, ROWS, rows
from harness.server import environment
from pg_cluster import PgCluster, query

READ_ONLY = "this server is a standby or read-only; nothing was done"


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "migrations")


@pytest.fixture
def url(fresh_database):
    return fresh_database()


@pytest.fixture
def role(pg_cluster, url):
    """A login that is no superuser: its name and the database's URL with it."""
    name = "plain_" + uuid.uuid4().hex[:10]
    load(url, f"CREATE ROLE {name} LOGIN")
    yield name, url.replace("postgres@", f"{name}@")
    load(url, f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}; DROP ROLE {name}")


# --- Servers that take no writes ---


@pytest.fixture(scope="module")
def standby(tmp_path_factory):
    """A server in recovery: one database with all migrations but the newest, one without a history, one up to date."""
    cluster = PgCluster.start()
    urls = {name: cluster.fresh_database(name=name) for name in ("behind", "old", "current")}
    load(urls["old"], OLD_BASE)
    migrate(urls["behind"])
    rollback(urls["behind"])
    migrate(urls["current"])
    cluster.down()
    with open(os.path.join(cluster.folder, "data", "standby.signal"), "w", encoding="ascii"):
        pass
    cluster.own_folder(0o755)
    cluster.up()
    yield urls
    cluster.stop()


@pytest.mark.parametrize("name", ["behind", "old"])
@pytest.mark.parametrize("arguments", [["migrate"], ["migrate", "--rehearse"], ["rollback"], ["verify"]],
                         ids=lambda arguments: arguments[-1])
def test_a_standby_is_named(standby, name, arguments):
    done = run(arguments[0], standby[name], *arguments[1:], expect=UNAVAILABLE)
    assert READ_ONLY in done.stderr and "target_session_attrs=read-write" in done.stderr
    assert "could not write the history" not in done.stderr


def test_a_standby_that_has_everything_is_up_to_date(standby):
    assert migrate(standby["current"]).stdout.startswith("nothing to do")
    run("status", standby["current"], expect=DONE)


def test_a_database_that_is_read_only_is_named(url, folder):
    first = folder.add("CREATE TABLE a (b int);", "DROP TABLE a;")
    migrate(url, dir=folder)
    folder.add("CREATE TABLE c (d int);")
    load(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET default_transaction_read_only = on")
    for command in ("migrate", "rollback"):
        assert READ_ONLY in run(command, url, dir=folder, expect=UNAVAILABLE).stderr
    folder.file(first).write_text("-- migrate:up\nCREATE TABLE a (b bigint);\n")
    assert READ_ONLY in run("repair", url, dir=folder, expect=UNAVAILABLE).stderr


# --- Roles ---


def test_an_owner_who_is_no_superuser(url, role):
    name, as_role = role
    load(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} OWNER TO {name}")
    load(as_role, OLD_BASE + ROWS + ADD_BIO + REPLACE_REPLY)
    before = rows(url)
    migrate(as_role)
    assert rows(url) == before and last_run(url) == NEWEST
    assert query(url, "SELECT tableowner FROM pg_tables WHERE tablename = 'schema_migrations'") == [(name,)]
    rollback(as_role, "--to", REPLY)
    assert set(history(url)) == {BASE, BIO, REPLY}
    migrate(as_role)


def test_public_without_create(url, role):
    """As Postgres 15 has it for everybody but the database's owner: nothing happens, and it is said why."""
    name, as_role = role
    load(url, OLD_BASE + ROWS + f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name};")
    before = rows(url)
    done = migrate(as_role, expect=CREDENTIALS)
    assert "could not write the history" in done.stderr and "permission denied for schema public" in done.stderr
    assert rows(url) == before and not has(url, "schema_migrations")
    migrate(url)
    load(url, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
    assert migrate(as_role).stdout.startswith("nothing to do")


def test_a_history_that_may_not_be_read_or_written(url, role, folder):
    name, as_role = role
    version = folder.add("SELECT 1;")
    migrate(url, dir=folder)
    done = migrate(as_role, dir=folder, expect=CREDENTIALS)
    assert "permission denied for table schema_" in done.stderr
    load(url, f"GRANT SELECT ON schema_migrations, schema_migrations_progress, schema_information TO {name}")
    assert migrate(as_role, dir=folder).stdout.startswith("nothing to do")
    folder.add("SELECT 2;")
    done = migrate(as_role, dir=folder, expect=FAILED)
    assert "permission denied for table schema_migrations [42501]" in done.stderr
    assert set(history(url)) == {version}


# --- The order of what is said ---


def test_adopting_is_said_before_applied(url, tmp_path):
    """Also when stdout and stderr go to one file."""
    load(url, OLD_BASE)
    with open(tmp_path / "said", "w+", encoding="utf-8") as said:
        subprocess.run([str(BINARY), "migrate"], env=environment(CONNECTION_URL=url), stdout=said, stderr=said,
                       check=True)
        said.seek(0)
        lines = said.read().splitlines()
    kinds = [next((word for word in ("adopting it", "is there already", "applied to ", "applied ", "done: ") if word in line), None)
             for line in lines]
    order = [kind for kind in kinds if kind]
    assert order[:3] == ["adopting it", "is there already", "applied "] and order[-1] == "applied to ", lines
