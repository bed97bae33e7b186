#!/usr/bin/python3
"""Usage: check_cmake.py FILE...

Checks CMake files: plain ASCII, two columns of indentation a level, no tabs or blanks at the end of a
line, at most 160 columns, a comment at the top, and comments as people write them ("# text", with no
blank before a comma or a colon: a formatter of C makes such). Prints a line for each breach; the
exit code is 1 when there is one.
"""

import re
import sys

WIDEST = 160
# (pattern of a line, what is wrong with it)
BREACHES = (
    (re.compile(r"[^\x00-\x7f]"), "not ASCII"),
    (re.compile(r"\t"), "a tab"),
    (re.compile(r"[ \t]+$"), "blanks at the end"),
    (re.compile(rf"^.{{{WIDEST + 1}}}"), f"more than {WIDEST} columns"),
    (re.compile(r"^\s*#+[^# \n]"), "a comment begins with '# '"),
    (re.compile(r"^\s*#.*\w [,:;]( |$)"), "a blank before punctuation in a comment"),
)


def blank_literals(text):
    """The text with the content of its strings and brackets as x, line by line as it was."""
    literal = re.compile(r'#[^\n]*|"(?:\\.|[^"\\])*"|\[\[.*?\]\]', re.DOTALL)
    return literal.sub(lambda found: found[0] if found[0][0] == "#" else re.sub(r"[^\n]", "x", found[0]), text)


def breaches_of(text):
    """(line number, what is wrong) of a CMake file's text without its literals."""
    lines = text.split("\n")
    if not lines[0].startswith("# "):
        yield 1, "begins not with a comment that says what it is"
    for number, line in enumerate(lines, 1):
        for pattern, problem in BREACHES:
            if pattern.search(line):
                yield number, problem


def indentation(text):
    """Commands that stand deeper or less deep than the blocks around them say."""
    depth = 0
    opened = 0  # parentheses
    for number, line in enumerate(text.split("\n"), 1):
        command = re.match(r"^( *)(\w+) *\(", line)
        if command and opened == 0:
            name = command[2].lower()
            if name.startswith(("end", "else")):
                depth -= 1
            if len(command[1]) != 2 * depth:
                yield number, f"{name}() is not indented by {2 * depth} columns"
            if name in ("if", "foreach", "while", "function", "macro") or name.startswith("else"):
                depth += 1
        plain = re.sub(r"#.*", "", line)
        opened = max(0, opened + plain.count("(") - plain.count(")"))


def main(paths):
    found = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = blank_literals(file.read())
        for number, problem in sorted({*breaches_of(text), *indentation(text)}):
            print(f"{path}:{number}: {problem}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
