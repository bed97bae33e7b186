"""The history of figures: a line a commit in docs/bench-history.csv, and a plot of the main ratios,
docs/bench-history.svg, which docs/performance.md shows. bin/bench --write calls write().

Where a figure is no part of a run, the commit keeps the one that it had, or has none."""

import csv
import pathlib
from xml.sax.saxutils import escape

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
TABLE = DOCS / "bench-history.csv"
PLOT = DOCS / "bench-history.svg"

# Columns of the table: `figure` of a report.Row. Ratios are of the rate of what is compared with.
FIGURES = (
    "home",
    "nginx",
    "nginx_gzip",
    "go",
    "profiles",
    "post",
    "slow_disk_64",
    "slow_disk_8",
    "zones_home",
    "zones_post",
    "messages_list",
    "messages_send",
    "memory_idle_mib",
    "memory_load_mib",
    "start_ms",
    "instructions",
)
COLUMNS = ("date", "commit", *FIGURES)
PLOTTED = {
    "home": "Home feed / pgbench with the same SQL",
    "go": "Home feed / a service in Go",
    "nginx": "Home feed / nginx with the same bytes",
    "profiles": "1,000 profiles / pgbench",
    "post": "Posting / pgbench",
    "slow_disk_64": "Posting on a slow disk / pgbench",
    "messages_list": "Reading messages / pgbench",
    "messages_send": "Sending messages / pgbench",
}

# Of the plot, in pixels.
PANEL_WIDTH, PANEL_HEIGHT = 420, 130
LEFT, RIGHT, TOP, BOTTOM = 40, 50, 28, 14  # around the lines of a panel
HEAD = 44
# Each has a contrast of 4.5 to white at least; blue and orange differ for people who see few colours.
LINE, EQUAL, INK, QUIET = "#0072b2", "#b34700", "#222222", "#666666"
FONT = 'font-family="sans-serif"'


def write(rows, date, commit):
    """Puts the figures of `rows` (report.Row) into the line of `commit`, and draws the plot."""
    history = read(TABLE) if TABLE.exists() else []
    figures = {row.figure: number(row.value) for row in rows if row.figure}
    TABLE.write_text(format_table(add(history, date, commit, figures)), encoding="utf-8")
    PLOT.write_text(plot(read(TABLE)), encoding="utf-8")


def number(value):
    """Three digits of what is small, and no digits after the point of what is large."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add(history, date, commit, figures):
    """The history with these figures in the line of the commit, the last one or a new one."""
    unknown = set(figures) - set(FIGURES)
    if unknown:
        raise RuntimeError(f"the history has no column {min(unknown)}: tests/bench/history.py")
    lines = [dict(line) for line in history]
    line = next((line for line in lines if line["commit"] == commit), None)
    if line is None:
        line = {"commit": commit}
        lines.append(line)
    line.update(figures, date=date)
    return lines


def format_table(lines):
    rows = [",".join(COLUMNS)]
    rows += [",".join(line.get(column) or "" for column in COLUMNS) for line in lines]
    return "\n".join(rows) + "\n"


def plot(history):
    """The SVG: a panel a ratio, a point a commit, from left to right as they were measured."""
    panels = []
    for number, (figure, title) in enumerate(PLOTTED.items()):
        x, y = number % 2 * PANEL_WIDTH, HEAD + number // 2 * PANEL_HEIGHT
        panels.append(f'<g transform="translate({x},{y})">\n{panel(figure, title, history)}\n</g>')
    width, height = 2 * PANEL_WIDTH, HEAD + (len(PLOTTED) + 1) // 2 * PANEL_HEIGHT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="Ratios of rates, a point a commit">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        text(LEFT, 18, "Cruddur's rate over the other side's, a point a commit", 14, INK),
        text(LEFT, 36, f"{span(history)}; the dashed line: as fast as the other side", 11, QUIET),
        *panels,
        "</svg>",
    ]) + "\n"


def span(history):
    if not history:
        return "nothing measured"
    first, last = history[0], history[-1]
    return f"{first['date']} ({first['commit']}) to {last['date']} ({last['commit']})"


def panel(figure, title, history):
    points = [(place, float(line[figure])) for place, line in enumerate(history) if line.get(figure)]
    highest = max([1.0, *(value for _, value in points)]) * 1.1
    steps = max(len(history) - 1, 1)

    def across(place):
        return LEFT + (PANEL_WIDTH - LEFT - RIGHT) * place / steps

    def up(value):
        return PANEL_HEIGHT - BOTTOM - (PANEL_HEIGHT - TOP - BOTTOM) * value / highest

    right = PANEL_WIDTH - RIGHT
    parts = [
        text(LEFT, 18, title, 12, INK),
        f'<path d="M{LEFT} {TOP}V{up(0):.1f}H{right}" fill="none" stroke="{QUIET}"/>',
        f'<path d="M{LEFT} {up(1):.1f}H{right}" fill="none" stroke="{EQUAL}" stroke-dasharray="4 3"/>',
        text(LEFT - 6, up(1) + 4, "1", 11, EQUAL, "end"),
        text(LEFT - 6, up(0) + 4, "0", 11, QUIET, "end"),
    ]
    if points:
        line = " ".join(f"{across(place):.1f},{up(value):.1f}" for place, value in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(place):.1f}" cy="{up(value):.1f}" r="3" fill="{LINE}">'
                  f"<title>{escape(history[place]['commit'])}: {value:g}</title></circle>"
                  for place, value in points]
        place, value = points[-1]
        parts.append(text(across(place) + 8, up(value) + 4, f"{value:.2f}", 12, LINE))
    return "\n".join(parts)


def text(x, y, content, size, colour, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}">{escape(content)}</text>')
