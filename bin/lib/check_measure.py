#!/usr/bin/python3
"""Usage: check_measure.py [--top FOLDER] [--build FOLDER] [--bounds FILE] [--tighten] [MEASURE...]

Measures the project below FOLDER and prints a table: what was found, its bound, the aim. Findings
are printed for each measure that is worse than its bound, and for each MEASURE that is named. The
exit code is 1 when one is worse than its bound. --tighten writes bounds that today's values beat.
"""

import argparse
import dataclasses
import pathlib
import sys

import check_code
import check_symbols
import check_texts
from check_tree import Tree

SHOWN = 10  # findings of a measure that is worse than its bound
HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Measure:
    name: str
    what: str
    value: float
    aim: float
    findings: list = dataclasses.field(default_factory=list)
    more_is_better: bool = False
    has_bound: bool = True

    def beats(self, bound):
        return self.value > bound if self.more_is_better else self.value < bound

    def misses(self, bound):
        return self.value < bound if self.more_is_better else self.value > bound


def counted(name, what, findings, **options):
    return Measure(name, what, len(findings), 0, findings, **options)


def measure_code(tree):
    yield counted("tags", "struct, union and enum tags with two meanings",
                  check_code.tags_with_two_meanings(tree))
    yield counted("modules", "names of modules that occur twice", check_code.module_names_twice(tree))
    yield counted("functions", f"functions over {check_code.LONGEST_FUNCTION} lines",
                  check_code.long_functions(tree))
    yield counted("banned", "calls of banned functions", check_code.banned_functions(tree))
    yield counted("headers", "headers with one user beside their own file",
                  check_code.headers_with_one_user(tree), has_bound=False)
    count, lines = check_code.assertions(tree)
    density = round(1000 * count / lines, 1) if lines else 6
    yield Measure("assertions", "assertions per 1,000 lines of .c", density, 6, more_is_better=True)


def measure_symbols(symbols):
    count = check_symbols.export_count(symbols)
    yield counted("names", f"exported names against the naming rule (of {count})",
                  check_symbols.names_against_rule(symbols))
    yield counted("unused", "exports without another user", check_symbols.exports_without_user(symbols))
    yield counted("tested", "exports that only tests use", check_symbols.exports_for_tests(symbols))
    yield counted("circles", "files in circles", check_symbols.files_in_circles(symbols))


def measure_texts(tree):
    yield counted("wide", f"lines of documents over {check_texts.WIDEST} columns",
                  check_texts.wide_lines(tree))
    yield counted("words", "words of documents to avoid", check_texts.words_of_documents(tree))
    yield counted("comments", "words of comments to avoid", check_texts.words_of_comments(tree))
    yield counted("links", "links of documents that lead nowhere", check_texts.broken_links(tree))
    yield counted("map", "files that the map of the rooms misses", check_texts.map_of_files(tree))
    yield counted("subjects", "subjects of commits to mend", check_texts.bad_subjects(tree))


def measure_all(tree, build):
    yield from measure_code(tree)
    if build:
        yield from measure_symbols(check_symbols.Symbols(tree, build))
    yield from measure_texts(tree)


def read_bounds(path):
    bounds = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, value = line.split()
            bounds[name] = float(value)
    return bounds


def write_bounds(path, measures, bounds):
    """Keeps the comments; writes each measure's bound, or its value where that is better."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    for measure in (measure for measure in measures if measure.has_bound):
        bound = bounds.get(measure.name, measure.value)
        lines.append(f"{measure.name} {measure.value if measure.beats(bound) else bound:g}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def verdict(measure, bounds):
    bound = bounds.get(measure.name, measure.aim)
    if not measure.has_bound:
        return "no bound: a new module has one user at first"
    if measure.misses(bound):
        return "WORSE"
    return "better: bin/check --fix lowers the bound" if measure.beats(bound) else ""


def print_table(measures, bounds):
    print(f"{'':69}{'now':>7}{'bound':>7}{'aim':>5}")
    for measure in measures:
        bound = f"{bounds.get(measure.name, measure.aim):g}" if measure.has_bound else ""
        what = f"{measure.name:11}{measure.what}"
        numbers = f"{measure.value:>7g}{bound:>7}{measure.aim:>5g}"
        print(f"{what:<69}{numbers}  {verdict(measure, bounds)}".rstrip())


def print_rooms(tree):
    rooms = check_code.lines_a_room(tree)
    cells = [f"{room} {lines:,}" for room, lines in sorted(rooms.items())]
    print(f"lines a room, {sum(rooms.values()):,} in all:")
    while cells:
        row = ""
        while cells and len(row) + len(cells[0]) < 90:
            row += "  " + cells.pop(0)
        print(row)


def print_findings(measures, bounds, asked):
    """All findings of the measures that were asked for; the first ones of those that are worse."""
    for measure in measures:
        if measure.name in asked:
            shown = measure.findings
        elif measure.has_bound and measure.misses(bounds.get(measure.name, measure.aim)):
            shown = measure.findings[:SHOWN]
        else:
            continue
        for finding in shown:
            print(f"{measure.name}: {finding}")
        if len(shown) < len(measure.findings):
            print(f"{measure.name}: and {len(measure.findings) - len(shown)} more; "
                  f"bin/check --measure {measure.name} lists them")


def main():
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--top", type=pathlib.Path, default=HERE.parents[1])
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--bounds", type=pathlib.Path, default=HERE / "check_bounds.txt")
    parser.add_argument("--tighten", action="store_true")
    parser.add_argument("measures", nargs="*")
    arguments = parser.parse_args()
    tree = Tree(arguments.top)
    measures = list(measure_all(tree, arguments.build))
    unknown = set(arguments.measures) - {measure.name for measure in measures}
    if unknown:
        parser.error(f"there is no measure '{min(unknown)}'")
    if arguments.tighten:
        write_bounds(arguments.bounds, measures, read_bounds(arguments.bounds))
    bounds = read_bounds(arguments.bounds)
    print_table(measures, bounds)
    print_rooms(tree)
    print_findings(measures, bounds, arguments.measures)
    return 1 if any(verdict(measure, bounds) == "WORSE" for measure in measures) else 0


if __name__ == "__main__":
    sys.exit(main())
