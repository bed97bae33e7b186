"""Rows of figures, as a table for the terminal and as the section of docs/performance.md."""

import dataclasses
import datetime
import os
import pathlib
import platform
import re
import subprocess

from cluster import BIN

PROJECT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = PROJECT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by bin/bench --write -->", "<!-- end of figures -->"
HEAD = ("What", "Cruddur", "Compared with", "Result", "Target", "Met")


@dataclasses.dataclass
class Row:
    what: str
    measured: str
    compared: str = ""
    result: str = ""
    target: str = ""
    met: bool = None  # None: no target
    figure: str = ""  # its column in the history (history.py), where it has one
    value: float = None

    def cells(self):
        met = "" if self.met is None else "yes" if self.met else "NO"
        return (self.what, self.measured, self.compared, self.result, self.target, met)


def rates(turns):
    """Median and spread of the turns' rates: '14,310/s (13,900 to 14,800)'."""
    values = sorted(turn.rate for turn in turns)
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    return f"{middle:,.0f}/s ({values[0]:,.0f} to {values[-1]:,.0f})"


def table(rows):
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )


def markdown(rows, arguments):
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{circumstances(arguments)}\n\n{body}"


def circumstances(arguments):
    return (
        f"Commit `{commit()}`, {datetime.date.today()}.\n"
        f"{processor()}, {arguments.cores} cores shared by the server, Postgres and the load generator;\n"
        f"{memory_gib():.0f} GiB; Linux {platform.release().split('-')[0]}; "
        f"{output(f'{BIN}/postgres', '--version')}.\n"
        f"Turns of {arguments.seconds} s, {arguments.turns} of each side: the median, and the lowest and "
        "the highest."
    )


def output(*command):
    done = subprocess.run(command, check=False, text=True, capture_output=True, cwd=PROJECT)
    return done.stdout.strip()


def commit():
    dirty = "with changes" if output("git", "status", "--porcelain", "-uno") else ""
    return f"{output('git', 'rev-parse', '--short', 'HEAD') or 'unknown'} {dirty}".strip()


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def write_document(figures):
    """Puts the figures between the two marks of docs/performance.md."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}", encoding="utf-8")
