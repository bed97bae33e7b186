"""The generator of statements: it counts their parameters and refuses SQL files that make no sense."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def generate(folder, sql):
    """Runs the generator on one statement, whose page has 100 rows."""
    (folder / "some").mkdir()
    (folder / "some" / "statement.sql").write_text(sql, encoding="utf-8")
    return subprocess.run(
        ["cmake", f"-DFOLDER={folder}", f"-DOUTPUT={folder}", "-DNAMES=some/statement", "-DPAGE_LIMIT=100",
         "-P", str(PROJECT / "cmake" / "generate_statements.cmake")],
        capture_output=True, text=True, check=False)


@pytest.mark.parametrize("sql, count", [
    ("-- lane: read\nSELECT 1\n", 0),
    ("-- lane: heavy\n-- $1: a name; $7: nothing\nSELECT $1::text, $2::int, $1::text\n", 2),
    ("-- lane: write\nSELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10\n", 10),
    ("-- lane: read\nSELECT $1::int LIMIT 101 -- page + 1\n", 1),
])
def test_parameters_are_counted(tmp_path, sql, count):
    made = generate(tmp_path, sql)
    assert made.returncode == 0, made.stderr
    row = re.search(r'{"some/statement", \w+, (PG_LANE_\w+), (\d+),', (tmp_path / "statements.c").read_text())
    assert int(row[2]) == count
    assert f"PG_STATEMENT_PARAMETERS = {count}" in (tmp_path / "statements.h").read_text()


@pytest.mark.parametrize("sql, reason", [
    ("SELECT 1\n", "does not say"),
    ("-- lane: fast\nSELECT 1\n", "does not say"),
    ("-- lane: read\nSELECT $1::int, $3::int\n", "$3"),
    ("-- lane: read\nSELECT $0\n", "$0"),
    ("-- lane: read\nSELECT 1 LIMIT 100 -- page + 1\n", "must be 101"),
    ("-- lane: read\nSELECT (SELECT 1 LIMIT 101) -- page + 1\n, (SELECT 1 LIMIT 50) -- page + 1\n", "must be 101"),
    ("-- lane: read\nSELECT 1 -- page + 1\n", "must be 101"),
])
def test_a_statement_that_makes_no_sense_ends_the_build(tmp_path, sql, reason):
    made = generate(tmp_path, sql)
    assert made.returncode != 0
    assert "db/sql/some/statement.sql" in made.stderr
    assert reason in " ".join(made.stderr.split())
