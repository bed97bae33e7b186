"""The executable is built so that a bug of memory ends it instead of running somebody else's code."""

import json
import pathlib
import platform
import subprocess

import pytest

from harness.server import BINARY

BUILD = BINARY.parent


def readelf(option):
    done = subprocess.run(
        ["readelf", "--wide", option, str(BINARY)], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def symbols():
    """The functions of libraries that it calls. Sanitizers are not for production, nor hardened."""
    symbols = readelf("--dyn-syms")
    if "__asan_" in symbols or "__tsan_" in symbols:
        pytest.skip("built with a sanitizer")
    return symbols


@pytest.fixture(scope="module")
def flags():
    """Of the compiler, by source file."""
    commands = BUILD / "compile_commands.json"
    if not commands.exists():
        pytest.skip("the executable is not beside the commands that built it")
    return {
        pathlib.Path(entry["file"]).name: entry["command"].split()
        for entry in json.loads(commands.read_text())
        if "/src/" in entry["file"] and entry["file"].endswith(".c")
    }


def test_it_can_be_anywhere_in_memory(symbols):
    assert "DYN (Position-Independent Executable file)" in readelf("--file-header")
    assert "PIE" in readelf("--dynamic")


def test_what_the_loader_fills_in_is_read_only_afterwards(symbols):
    assert "GNU_RELRO" in readelf("--segments")
    dynamic = readelf("--dynamic")
    assert "BIND_NOW" in dynamic and "NOW" in dynamic.partition("FLAGS_1")[2]


def test_no_memory_is_both_writable_and_executable(symbols):
    stacks = [line for line in readelf("--segments").splitlines() if "GNU_STACK" in line]
    assert len(stacks) == 1 and " RW " in stacks[0]
    assert "RWE" not in readelf("--segments")
    assert "TEXTREL" not in readelf("--dynamic")


def test_it_loads_libraries_from_the_system_alone(symbols):
    dynamic = readelf("--dynamic")
    assert "RUNPATH" not in dynamic and "RPATH" not in dynamic


def test_a_written_over_stack_is_noticed(symbols, flags):
    assert "__stack_chk_fail" in symbols
    for file, command in flags.items():
        assert "-fstack-protector-strong" in command, file
        assert "-fstack-clash-protection" in command, file


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CET is of x86-64")
def test_indirect_calls_land_where_functions_begin(symbols, flags):
    for file, command in flags.items():
        assert "-fcf-protection=full" in command, file
    assert BINARY.read_bytes().count(b"\xf3\x0f\x1e\xfa") > 100  # endbr64


def test_functions_that_copy_are_checked(symbols, flags):
    """Level 3, with the C library of Debian 12: sizes that are known at run time alone count too."""
    if any("-O0" in command or "-O2" not in command for command in flags.values()):
        pytest.skip("built for a debugger: checked functions need an optimising compiler")
    assert "__memcpy_chk" in symbols and "__snprintf_chk" in symbols
    for file, command in flags.items():
        assert "-D_FORTIFY_SOURCE=3" in command, file
