"""Every subcommand reads its arguments by one table, which gives --help and completions as well."""

import os
import re
import subprocess

import pytest

from harness.server import BINARY, run

EXIT_DONE, EXIT_USAGE = 0, 2
COMMANDS = re.findall(r"^  ([a-z][a-z-]*) ", run("--help").stdout, re.M)


def refused(line, *arguments, **settings):
    done = run(*arguments, **settings)
    assert (done.returncode, done.stdout) == (EXIT_USAGE, "")
    assert done.stderr == line + "\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_named(command):
    listed = f"'cruddur {command} --help' lists them"
    refused(f"cruddur {command}: unknown option '--x'; {listed}", command, "--x")
    refused(f"cruddur {command}: unknown option '--x'; {listed}", command, "--x=5")
    refused(f"cruddur {command}: unknown option '-Z'; {listed}", command, "-Z")


@pytest.mark.parametrize("value", ["5x", "+5", "-5", " 5", "0x5", "5.5", "", "0", "99999999999999999999"])
@pytest.mark.parametrize(
    "command, flag, bounds",
    [
        ("health-check", "--timeout", "1 to 60"),
        ("sync", "--jobs", "1 to 128"),
        ("migrate", "--lock-tries", "1 to 1000"),
        ("rollback", "--steps", "1 to 100000"),
        ("dev-token", "--expires", "1 to 2592000"),
    ],
)
def test_a_number_is_digits_and_nothing_else(command, flag, bounds, value):
    line = f"cruddur {command}: {flag} must be a number from {bounds}, not '{value}'"
    refused(line, command, flag, value)
    refused(line, command, f"{flag}={value}")


def test_what_is_missing_or_too_much_is_named():
    tells = "'cruddur {0} --help' tells more".format
    refused(f"cruddur sync: --jobs needs a value, N; {tells('sync')}", "sync", "--jobs")
    refused(f"cruddur sync: --dry-run takes no value; {tells('sync')}", "sync", "--dry-run=yes")
    refused(f"cruddur sync: CHANGESET is missing; {tells('sync')}", "sync", "apply")
    refused("cruddur sync: there is no 'fly'; 'cruddur sync --help' lists what there is", "sync", "fly")
    refused(f"cruddur ddb: OPERATION is missing; {tells('ddb')}", "ddb")
    refused(f"cruddur serve: unexpected argument 'extra'; {tells('serve')}", "serve", "extra")
    refused(f"cruddur migration: NAME is missing; {tells('migration')}", "migration", "new")
    refused("cruddur migrate: --dir must be the path of a folder, not ''", "migrate", "--dir", "")
    refused("cruddur sync: --max-delete must be a number or a percentage such as 30%, not 'most'",
            "sync", "--max-delete", "most")


def test_flags_that_exclude_each_other_are_refused():
    """Also where the second one says what is the default: it was given all the same."""
    refused("cruddur rollback: give one of --steps and --to", "rollback", "--steps", "1", "--to", "5")
    refused("cruddur rollback: give one of --steps and --to", "rollback", "--to", "5", "--steps=1")
    refused("cruddur config: give one of --json, --markdown and --check", "config", "--json", "--check")
    refused("cruddur migrate: give one of --dry-run, --rehearse and --lint", "migrate", "--lint",
            "--dry-run")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_whole_and_fits_a_terminal(command):
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (EXIT_DONE, "")
    assert done.stdout == run(command, "-h").stdout
    assert done.stdout.startswith(f"Usage: cruddur {command}")
    assert "\n  -h, --help" in done.stdout and "\nExit codes:\n" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_help_lists_the_commands_or_tells_of_one():
    listed = run("help")
    assert (listed.returncode, listed.stderr) == (EXIT_DONE, "")
    assert listed.stdout == run("--help").stdout
    assert run("help", "migrate").stdout == run("migrate", "--help").stdout
    assert run("help", "help").stdout == run("help", "--help").stdout
    refused("cruddur: unknown command 'fly'; 'cruddur help' lists them", "help", "fly")
    refused("cruddur: unknown command 'fly'; 'cruddur help' lists them", "fly")


def completed(*words, folder="."):
    """What bash offers for the last of the words."""
    script = """
        source <("$1" completions bash)
        complete -p cruddur >/dev/null || exit 9
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _cruddur
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "-c", script, "bash", str(BINARY), "cruddur", *words], cwd=folder,
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert {"serve", "migrate", "--help", "--version"} <= set(completed(""))
    assert completed("mig") == ["migrate", "migration"]
    assert completed("migrate", "--dr") == ["--dry-run"]
    assert completed("migrate", "--dir", "f", folder=tmp_path) == ["folder"]
    assert completed("migrate", "--dir", "=", "f", folder=tmp_path) == ["folder"]
    assert set(completed("sync", "--env", "f", folder=tmp_path)) == {"file", "folder"}
    assert completed("sync", "--jobs", "") == []
    assert completed("sync", "ro") == ["rollback"]
    assert set(completed("sync", "apply", "f", folder=tmp_path)) == {"file", "folder"}
    assert completed("completions", "") == ["bash", "zsh", "fish"]
    assert set(completed("health-check", "-")) == {"--ready", "--timeout", "-t", "--help", "-h"}
    assert completed("nonsense", "x") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_every_flag(shell):
    script = run("completions", shell).stdout
    for command in COMMANDS:
        assert command in script
        for name in re.findall(r"^  ..., --([a-z-]+)|^      --([a-z-]+)", run(command, "--help").stdout, re.M):
            name = "".join(name)
            assert (f"-l {name} " if shell == "fish" else f"--{name}") in script, (command, name)
    # Debian's other shells are seldom there; where one is, it must be able to read the script.
    if shell == "bash" or os.access(f"/usr/bin/{shell}", os.X_OK):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
