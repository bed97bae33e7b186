"""The documents say what is so: settings, routes, exit codes."""

import json
import re

from harness.description import PROJECT
from harness.server import run

README = (PROJECT / "README.md").read_text()


def marked(name, text):
    """What stands between the comments <!-- name --> and <!-- end of name -->."""
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- end of {name} -->")[0]


def test_every_setting_is_documented_and_no_other():
    table = run("config", "--markdown").stdout
    document = (PROJECT / "docs" / "configuration.md").read_text()
    assert marked("settings", document) == table, "bin/check --fix rewrites the table"


def test_config_tells_values_but_no_secrets():
    done = run("config", "--json", PORT=8080, CONNECTION_URL="postgresql://app:hunter2@db/cruddur")
    settings = {setting["name"]: setting for setting in json.loads(done.stdout)}
    assert settings["PORT"]["value"] == "8080"
    assert settings["PORT"]["default"] == "4567"
    assert settings["CONNECTION_URL"]["value"] == "(set)"
    assert settings["ROLLBAR_ACCESS_TOKEN"]["value"] is None
    for form in ([], ["--json"], ["--markdown"]):
        done = run("config", *form, CONNECTION_URL="hunter2", ROLLBAR_ACCESS_TOKEN="hunter2")
        assert done.returncode == 0
        assert "hunter2" not in done.stdout + done.stderr


def test_config_refuses_what_it_does_not_know():
    for arguments in (["--yaml"], ["--json", "extra"]):
        done = run("config", *arguments)
        assert done.returncode == 2
        assert arguments[-1] in done.stderr
        assert "--help" in done.stderr


def test_readme_lists_every_route_and_no_other():
    paths = json.loads((PROJECT / "docs" / "openapi.json").read_text())["paths"]
    described = {(method.upper(), path) for path, row in paths.items() for method in row
                 if method in ("get", "post", "put", "delete")}
    listed = set()
    for methods, path in re.findall(r"^\| ([A-Z, ]+) `([^`]+)`", marked("routes", README), re.M):
        listed |= {(method, path) for method in methods.split(", ")}
    assert listed == described


def test_exit_codes_are_documented():
    table = run("exit-codes", "--markdown").stdout
    document = (PROJECT / "docs" / "exit-codes.md").read_text()
    assert marked("exit codes", document) == table, "bin/check --fix rewrites the table"
    header = (PROJECT / "src" / "commands" / "exit.h").read_text()
    defined = {int(code) for code in re.findall(r"EXIT_\w+ = (\d+)", header)}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)} == defined
    assert len(run("exit-codes").stdout.splitlines()) == len(defined)


def test_every_command_has_help_and_refuses_unknown_arguments():
    usage = run("--help")
    assert usage.returncode == 0
    commands = re.findall(r"^  ([a-z][a-z-]*) ", usage.stdout, re.M)
    assert {"serve", "migrate", "config"} <= set(commands)
    for command in commands:
        done = run(command, "--help")
        assert done.returncode == 0 and done.stdout.startswith("Usage: cruddur " + command), command
        assert run(command, "--no-such-flag").returncode == 2, command
    assert run().returncode == 2
    unknown = run("fly")
    assert unknown.returncode == 2 and "'fly'" in unknown.stderr
