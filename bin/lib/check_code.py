"""Measures of the C code that reading its text is enough for. Each takes a Tree and returns findings,
one line each."""

import collections
import os
import re

from check_tree import room_of

LONGEST_FUNCTION = 50
# What silently cuts, overruns or ignores errors. src/lib/base/str.h has what to use instead.
BANNED = re.compile(
    r"\b(strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|gets|strtok|strtok_r|alloca"
    r"|ato[filq]|atoll|strto[dfl]|strtol[dl]|strtou?ll?|strto[iu]max|f?scanf|v?sscanf|vf?scanf"
    r"|tmpnam|mktemp|system|popen|rand|srand|gmtime|localtime|ctime|asctime)\s*\("
)
ASSERTION = re.compile(r"\b(?:assert|static_assert|_Static_assert)\s*\(")


def sources(tree, *endings):
    return tree.files("src/", *(endings or (".c", ".h")))


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def tags_with_two_meanings(tree):
    """struct, union and enum tags that are defined in more than one place."""
    places = collections.defaultdict(list)
    for path in sources(tree):
        code = tree.code(path)
        for found in re.finditer(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", code):
            places[found[1]].append(f"{path}:{line_of(code, found.start())}")
    return [f"{tag}: {', '.join(found)}" for tag, found in sorted(places.items()) if len(found) > 1]


def module_names_twice(tree):
    """Modules (name.c and name.h) that exist in more than one folder."""
    folders = collections.defaultdict(set)
    for path in sources(tree):
        folder, name = os.path.split(path)
        folders[name.rpartition(".")[0]].add(folder)
    return [f"{name}: {', '.join(sorted(found))}" for name, found in sorted(folders.items())
            if len(found) > 1]


def functions(code):
    """(line, length, name) of each function: clang-format puts its first line and its last brace into
    column 1, and nothing between them."""
    first, name = None, None
    for number, line in enumerate(code.split("\n"), 1):
        if re.match(r"[A-Za-z_]", line) and not line.rstrip().endswith((";", ":")) and "(" in line:
            first, name = number, re.search(r"(\w+)\s*\(", line)[1]
        elif line.startswith("}"):
            if line.rstrip() == "}" and first:
                yield first, number - first + 1, name
            first = None


def long_functions(tree):
    return [f"{path}:{line}: {name}() has {length} lines"
            for path in sources(tree, ".c") for line, length, name in functions(tree.code(path))
            if length > LONGEST_FUNCTION]


def banned_functions(tree):
    found = []
    for path in sources(tree):
        code = tree.code(path)
        found += [f"{path}:{line_of(code, match.start())}: {match[1]}()"
                  for match in BANNED.finditer(code)]
    return found


def includers(tree):
    """The files of src that include each header of src."""
    users = {path: set() for path in sources(tree, ".h")}
    for path in sources(tree):
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', tree.text(path), re.MULTILINE):
            if "src/" + name in users:
                users["src/" + name].add(path)
    return users


def headers_with_one_user(tree):
    """Headers that one file includes, or nobody, beside the .c file of the same name: what they
    declare may belong in that file."""
    found = []
    for header, users in sorted(includers(tree).items()):
        others = users - {header.removesuffix(".h") + ".c"}
        if len(others) < 2:
            found.append(f"{header}: {min(others, default='nobody')}")
    return found


def assertions(tree):
    """(assertions, lines) of the .c files."""
    paths = sources(tree, ".c")
    count = sum(len(ASSERTION.findall(tree.code(path))) for path in paths)
    return count, sum(tree.text(path).count("\n") for path in paths)


def lines_a_room(tree):
    """{room: lines of its .c and .h files}."""
    rooms = collections.Counter()
    for path in sources(tree):
        rooms[room_of(path)] += tree.text(path).count("\n")
    return rooms
