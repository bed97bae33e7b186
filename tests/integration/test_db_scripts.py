"""bin/db and bin/generate: what they do, what they refuse, and what they say then."""

import os
import re
import shutil
import subprocess

import pytest

from harness.migrations import DONE, PENDING, PROJECT, REFUSED, UNAVAILABLE, USAGE, dump, has, history, last_run, load, migrate
from harness.server import BINARY
from pg_cluster import connect, query

SCRIPTS = sorted(path.name for path in (PROJECT / "bin" / "db").iterdir())
WITHOUT_DATABASE = "postgresql:///nowhere?host=/nonexistent"


def script(path, *arguments, url=None, typed="", expect=None, project=PROJECT, **settings):
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "CRUDDUR_BINARY": str(BINARY),
                   **settings}
    if url:
        environment["CONNECTION_URL"] = url
    done = subprocess.run([str(project / "bin" / path), *arguments], env=environment, input=typed, text=True,
                          capture_output=True, timeout=120, check=False)
    if expect is not None:
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    assert "\033" not in done.stdout + done.stderr  # no colours where nobody looks
    return done


def db(name, *arguments, **options):
    return script(f"db/{name}", *arguments, **{"expect": DONE, **options})


@pytest.fixture
def url(fresh_database):
    return fresh_database()


@pytest.fixture
def seeded(url):
    db("setup", url=url)
    return url


def exists(pg_cluster, name):
    return query(pg_cluster.url("postgres"), "SELECT 1 FROM pg_database WHERE datname = %s", name) != []


@pytest.mark.parametrize("name", SCRIPTS)
def test_help(name):
    done = db(name, "--help")
    assert done.stdout.startswith(f"Usage: bin/db/{name}") and not done.stderr


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ("setup", "update_cognito_user_ids")])
def test_without_a_url(name, tmp_path):
    """In a clone without bin/dev's cluster."""
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    done = script(f"db/{name}", project=tmp_path, expect=USAGE)
    assert "CONNECTION_URL is not set" in done.stderr and "for example" in done.stderr
    done = script(f"db/{name}", "prod", project=tmp_path, url=WITHOUT_DATABASE, expect=USAGE)
    assert "PROD_CONNECTION_URL is not set" in done.stderr


def test_the_cluster_of_bin_dev_is_found(tmp_path, seeded):
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    (tmp_path / ".dev").mkdir()
    (tmp_path / ".dev" / "connection_url").write_text(seeded + "\n")
    assert "Connected: database" in script("db/test", project=tmp_path, expect=DONE).stderr


def state_of(url):
    tables = query(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    rows = [query(url, f'SELECT count(*) FROM public."{table}"') for (table,) in tables]
    return tables, rows, query(url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bystander'")


@pytest.mark.parametrize("name", ["create", "drop", "setup", "schema-load", "seed", "rollback", "kill-all"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_dry_run_changes_nothing(name, empty, url, pg_cluster):
    if not empty:
        db("setup", url=url)
    bystander = connect(f"{url}&application_name=bystander" if "?" in url else f"{url}?application_name=bystander")
    before = state_of(url)
    # Guards speak up as they would otherwise.
    refused = not empty and name in ("drop", "schema-load")
    done = db(name, "--dry-run", url=url, expect=REFUSED if refused else DONE)
    if not refused and name != "create":
        assert "would " in done.stderr, done.stderr
    assert state_of(url) == before
    bystander.close()
    other = url.replace("/t_", "/n_")
    if name == "create":
        assert "would make the database n_" in db("create", "--dry-run", url=other).stderr
        assert not exists(pg_cluster, other.rpartition("/")[2])


def test_production_is_not_asked_for_in_a_dry_run(seeded):
    for name in ("seed", "kill-all"):
        assert "would " in db(name, "prod", "--dry-run", PROD_CONNECTION_URL=seeded).stderr


def test_a_dry_run_where_there_is_none(url):
    for name in ("test", "sessions", "status"):
        assert "dry-run" in db(name, "--dry-run", url=url, expect=USAGE).stderr


def test_create_and_drop(pg_cluster):
    url = pg_cluster.url("it%27s%20a%20%22name%22")
    name = 'it\'s a "name"'
    db("create", url=url)
    assert exists(pg_cluster, name)
    assert "is there already" in db("create", url=url).stderr
    db("drop", url=url)
    assert not exists(pg_cluster, name)
    assert "There is no database" in db("drop", url=url).stderr


def test_keywords_do_as_well(pg_cluster):
    url = f"host={pg_cluster.folder} user=postgres dbname=by_keywords"
    db("create", url=url)
    assert exists(pg_cluster, "by_keywords")
    db("test", url=url)
    db("drop", url=url)
    assert not exists(pg_cluster, "by_keywords")


def test_a_url_without_a_database(pg_cluster):
    done = db("create", url=pg_cluster.url(""), expect=USAGE)
    assert "names no database" in done.stderr


def test_drop_refuses_rows_and_others(seeded, pg_cluster):
    name = seeded.rsplit("/", 1)[1]
    done = db("drop", url=seeded, expect=REFUSED)
    assert "holds rows (in activities, message_groups, messages, notices, users)" in done.stderr and "--force" in done.stderr
    assert exists(pg_cluster, name)
    db("drop", "--force", url=seeded)
    assert not exists(pg_cluster, name)


def test_the_seed_adds_nothing_twice(seeded):
    rows = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM activities), (SELECT count(*) FROM messages)"
    assert query(seeded, rows) == [(5, 10, 3)]
    done = db("seed", url=seeded)
    assert query(seeded, rows) == [(5, 10, 3)]
    where = query(seeded, "SELECT current_database(), current_setting('unix_socket_directories')")[0]
    assert "Loaded db/seed.sql into %s on %s" % where in done.stderr


def test_the_seed_fits_a_schema_without_messages(seeded):
    load(seeded, "DROP TABLE messages, message_groups; TRUNCATE users CASCADE")
    db("seed", url=seeded)
    assert query(seeded, "SELECT count(*) FROM users") == [(5,)]


def test_schema_load_replaces_only_empty_tables(url):
    db("schema-load", url=url)
    first = dump(url, history=True)
    load(url, "CREATE TABLE stray (a int); CREATE VIEW looks AS SELECT * FROM stray")
    db("schema-load", url=url)  # no rows: nothing is lost
    assert dump(url, history=True) == first and history(url)
    db("seed", url=url)
    done = db("schema-load", url=url, expect=REFUSED)
    assert "nothing was done" in done.stderr
    assert query(url, "SELECT count(*) > 0 FROM users") == [(True,)]
    db("schema-load", "--force", url=url)
    assert query(url, "SELECT count(*) FROM users") == [(0,)] and dump(url, history=True) == first


def test_a_schema_that_cannot_be_loaded_changes_nothing(url, tmp_path):
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "schema.sql").write_text("CREATE TABLE a (b int); SELECT 1/0;")
    load(url, "CREATE TABLE stray (a int)")
    done = script("db/schema-load", project=tmp_path, url=url)
    assert done.returncode == 1 and "division by zero" in done.stderr
    assert has(url, "stray") and not has(url, "a")


@pytest.mark.parametrize("arguments", [("drop", "--force"), ("schema-load", "--force"), ("seed",), ("kill-all",),
                                       ("rollback",)])
def test_production_asks_for_the_name(seeded, pg_cluster, arguments):
    name = seeded.rsplit("/", 1)[1]
    before = query(seeded, "SELECT count(*), max(created_at) FROM activities")
    for typed in ("", "yes\n", name + "x\n"):
        done = db(arguments[0], "prod", *arguments[1:], PROD_CONNECTION_URL=seeded, url=WITHOUT_DATABASE, typed=typed,
                  expect=REFUSED)
        assert "Type the database's name" in done.stderr and "nothing was done" in done.stderr
    assert query(seeded, "SELECT count(*), max(created_at) FROM activities") == before
    db(arguments[0], "prod", *arguments[1:], PROD_CONNECTION_URL=seeded, typed=name + "\n")


def test_production_refuses_rows_before_it_asks(seeded):
    done = db("drop", "prod", PROD_CONNECTION_URL=seeded, typed=seeded.rsplit("/", 1)[1] + "\n", expect=REFUSED)
    assert "holds rows" in done.stderr
    assert "no setup" in db("setup", "prod", PROD_CONNECTION_URL=seeded, expect=REFUSED).stderr


def test_setup_is_safe_to_run_again(url):
    db("setup", url=url)
    rows = query(url, "SELECT uuid, message, replies_count, created_at FROM activities ORDER BY uuid")
    assert len(rows) == 10 and sum(row[2] or 0 for row in rows) == 3
    db("setup", url=url)
    assert query(url, "SELECT uuid, message, replies_count, created_at FROM activities ORDER BY uuid") == rows
    assert query(url, "SELECT count(DISTINCT handle), count(*) FROM users WHERE cognito_user_id = 'MOCK'") == [(5, 5)]
    assert query(url, "SELECT count(*) FROM activities WHERE expires_at < now() AT TIME ZONE 'UTC'") == [(1,)]


def test_migrate_rollback_status(url):
    assert db("status", url=url, expect=PENDING).stdout
    assert "applied 16812294605993273_add_bio_column" in db("migrate", url=url).stdout
    newest = last_run(url)
    assert "rolled back" in db("rollback", url=url).stdout
    assert last_run(url) < newest
    db("migrate", url=url)
    assert last_run(url) == newest
    assert "nothing to do" in db("migrate", "prod", PROD_CONNECTION_URL=url, url=WITHOUT_DATABASE).stdout


def test_migrate_without_an_executable(url, tmp_path):
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    done = script("db/migrate", project=tmp_path, url=url, CRUDDUR_BINARY="", PATH="/usr/bin:/bin")
    assert done.returncode == 1 and "bin/build" in done.stderr


def test_connect_sessions_kill_all(url):
    assert db("connect", "-Atc", "SELECT 41 + 1", url=url).stdout == "42\n"
    other = __import__("psycopg2").connect(url)
    other.cursor().execute("SELECT 'here I am'")
    assert "here I am" in db("sessions", url=url).stdout
    assert "Ended 1 connections" in db("kill-all", url=url).stderr
    other.close()


def test_no_server(tmp_path):
    url = f"postgresql:///d?host={tmp_path}"
    for name in ("test", "sessions", "create", "drop"):
        assert db(name, url=url, expect=UNAVAILABLE).stderr


def test_schema_dump_is_deterministic(fresh_database, tmp_path):
    """Two databases of different age give the same file, and it loads."""
    first, second = fresh_database(), fresh_database()
    migrate(first)
    db("schema-load", url=second)
    db("seed", url=second)
    files = [tmp_path / "1.sql", tmp_path / "2.sql"]
    for url, file in zip((first, second), files):
        db("schema-dump", "--output", str(file), url=url)
    assert files[0].read_text() == files[1].read_text() == (PROJECT / "db" / "schema.sql").read_text()
    assert db("schema-dump", "--output", "-", url=first).stdout == files[0].read_text()


def test_schema_dump_fails_with_pg_dump(url, tmp_path):
    migrate(url)
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "pg_dump").write_text("#!/bin/sh\necho 'half a dump'\necho broken >&2\nexit 1\n")
    (fake / "pg_dump").chmod(0o755)
    output = tmp_path / "schema.sql"
    output.write_text("as it was")
    done = db("schema-dump", "--output", str(output), url=url, PATH=f"{fake}:{os.environ['PATH']}", expect=1)
    assert "pg_dump failed" in done.stderr and output.read_text() == "as it was"


def test_schema_dump_wants_a_history(url, tmp_path):
    output = tmp_path / "schema.sql"
    assert "bin/db/migrate" in db("schema-dump", "--output", str(output), url=url, expect=1).stderr
    assert not output.exists()


def test_a_migration_that_is_not_made(tmp_path):
    before = sorted((PROJECT / "db" / "migrations").iterdir())
    done = script("generate/migration", "--dry-run", "add_likes", expect=DONE)
    assert "would write db/migrations/VERSION_add_likes.sql" in done.stderr
    assert sorted((PROJECT / "db" / "migrations").iterdir()) == before


def test_a_new_migration(tmp_path):
    shutil.copytree(PROJECT / "bin", tmp_path / "bin")
    (tmp_path / "db" / "migrations").mkdir(parents=True)
    done = script("generate/migration", "Add likes", project=tmp_path, expect=DONE)
    assert re.fullmatch(rf"{tmp_path}/db/migrations/\d{{17}}_add_likes\.sql\n", done.stdout)
    script("generate/migration", project=tmp_path, expect=USAGE)
    script("generate/migration", "--help", project=tmp_path, expect=DONE)


def test_the_table_of_what_shows_nothing(tmp_path):
    assert "unicode-data" in script("generate/invisible", str(tmp_path), expect=1).stderr
    (tmp_path / "DerivedCoreProperties.txt").write_text(
        "# DerivedCoreProperties-99.1.0.txt\n00AD          ; Default_Ignorable_Code_Point # Cf\n"
        "200B..200D    ; Default_Ignorable_Code_Point # Cf\n0041..005A    ; Alphabetic # L&\n"
    )
    (tmp_path / "PropList.txt").write_text("0020          ; White_Space # Zs\n")
    (tmp_path / "UnicodeData.txt").write_text(
        "001F;<control>;Cc;0\n0041;LATIN CAPITAL LETTER A;Lu;0\n0301;COMBINING ACUTE ACCENT;Mn;230\n"
    )
    table = script("generate/invisible", str(tmp_path), expect=DONE).stdout
    assert "of Unicode 99.1:" in table
    ranges = re.findall(r"\{(0x\w+), (0x\w+)\}", table)
    assert ranges == [("0x001F", "0x0020"), ("0x00AD", "0x00AD"), ("0x0301", "0x0301"),
                      ("0x200B", "0x200D"), ("0x2800", "0x2800")]
