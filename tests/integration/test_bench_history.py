"""The history of the benchmarks' figures: a line a commit, and a plot that can be read."""

import csv
import importlib.util
import re
import types
import xml.etree.ElementTree

import pytest

from harness.description import PROJECT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def history():
    spec = importlib.util.spec_from_file_location("history", PROJECT / "tests" / "bench" / "history.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(figure, value):
    return types.SimpleNamespace(figure=figure, value=value)


@pytest.fixture
def written(history, tmp_path, monkeypatch):
    """Writes runs of (date, commit, figures); the lines of the table."""
    monkeypatch.setattr(history, "TABLE", tmp_path / "history.csv")
    monkeypatch.setattr(history, "PLOT", tmp_path / "history.svg")

    def write(*runs):
        for date, commit, figures in runs:
            history.write([row(*figure) for figure in figures.items()] + [row("", None)], date, commit)
        return list(csv.DictReader((tmp_path / "history.csv").open()))

    write.plot = tmp_path / "history.svg"
    return write


def test_a_commit_has_one_line_to_which_runs_add(written):
    lines = written(
        ("2026-11-01", "aaaaaaa", {"home": 2.5}),
        ("2026-11-02", "bbbbbbb", {"home": 3.25, "post": 1.5}),
        ("2026-11-03", "bbbbbbb", {"post": 2, "instructions": 289940.4}),
    )
    assert [(line["date"], line["commit"]) for line in lines] == [
        ("2026-11-01", "aaaaaaa"), ("2026-11-03", "bbbbbbb")]
    assert [line["home"] for line in lines] == ["2.5", "3.25"]
    assert [line["post"] for line in lines] == ["", "2"]
    assert lines[1]["instructions"] == "289940"


def test_a_figure_without_a_column_is_refused(written):
    with pytest.raises(RuntimeError, match="no column beauty"):
        written(("2026-11-01", "aaaaaaa", {"beauty": 1}))


def test_every_figure_of_a_case_has_a_column(history):
    named = set()
    for path in [*(PROJECT / "tests" / "bench" / "cases").glob("*.py"), PROJECT / "tests/bench/posting.py"]:
        named |= set(re.findall(r'figure="(\w+)"', path.read_text()))
    assert named and named <= set(history.FIGURES)
    assert set(history.PLOTTED) <= set(history.FIGURES)


@pytest.mark.parametrize("commits", [0, 1, 2, 30])
def test_the_plot_is_whole(history, commits):
    lines = [{"date": "2026-11-01", "commit": f"<{number}&", "home": str(1 + number / 7), "post": ""}
             for number in range(commits)]
    svg = xml.etree.ElementTree.fromstring(history.plot(lines))
    _, _, width, height = map(float, svg.get("viewBox").split())
    panels = svg.findall(f"{SVG}g")
    assert len(panels) == len(history.PLOTTED)
    for panel, figure in zip(panels, history.PLOTTED):
        points = panel.findall(f"{SVG}circle")
        assert len(points) == (commits if figure == "home" else 0)
        left, top = map(float, re.findall(r"[\d.]+", panel.get("transform")))
        for node in [*points, *panel.findall(f"{SVG}text")]:
            x, y = float(node.get("cx") or node.get("x")), float(node.get("cy") or node.get("y"))
            assert 0 < left + x < width and 0 < top + y < height
    titles = [node.text for node in svg.iter(f"{SVG}text")]
    assert set(history.PLOTTED.values()) <= set(titles)
    assert len([node for node in svg.iter(f"{SVG}polyline")]) == (1 if commits else 0)


def test_the_last_value_is_written_beside_its_point(history):
    lines = [{"date": "2026-11-01", "commit": "a", "home": "2"}, {"date": "2026-11-02", "commit": "b", "home": "3.456"}]
    assert ">3.46</text>" in history.plot(lines)


def luminance(colour):
    parts = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_can_be_read_on_white(history):
    for colour in (history.LINE, history.EQUAL, history.INK, history.QUIET):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour


def test_the_table_of_the_repository_is_sound(history):
    lines = history.read(history.TABLE)
    assert lines and list(lines[0]) == list(history.COLUMNS)
    assert len({line["commit"] for line in lines}) == len(lines)
    assert history.PLOT.read_text() == history.plot(lines)
