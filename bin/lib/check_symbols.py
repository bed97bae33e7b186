"""Measures of the symbols that the object files of a build export and use. Each takes Symbols and
returns findings, one line each."""

import collections
import os
import re
import subprocess

DEFINED = set("BCDGRSTVW")  # nm's letters for symbols that other files see
# Functions of libraries that ours stand in front of: their names and users are the library's.
INTERPOSED = {"MHD_queue_response"}
IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*\b")


class Symbols:
    """What nm knows of the objects below the folder `build` whose sources are in `tree`'s src/."""

    def __init__(self, tree, build):
        self.tree = tree
        self.exports = collections.defaultdict(set)  # path of a source: symbols
        self.uses = collections.defaultdict(set)
        self.makers = {}  # symbol: path of the source that defines it
        objects, sources = {}, set(tree.files("src/", ".c"))
        for folder, _, names in os.walk(build):
            for name in names:
                if name.endswith(".o"):
                    path = os.path.join(folder, name)
                    source = self._source_of(os.path.relpath(path, build))
                    # An object of a file that is gone lingers in the folder.
                    if source in sources or source.startswith("build/src/"):
                        objects[path] = source
        if objects:
            self._read(objects)

    @staticmethod
    def _source_of(path):
        """src/lib/aws/CMakeFiles/cruddur_aws.dir/xml.c.o is of src/lib/aws/xml.c; an object of what
        the build generated has a source below build/."""
        source = re.sub(r"CMakeFiles/[^/]*\.dir/", "", path).removesuffix(".o")
        return "build/" + source if "/generated/" in source or "embed" in source else source

    def _read(self, objects):
        command = ["nm", "--format=posix", "--print-file-name", *sorted(objects)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            place, _, rest = line.partition(": ")
            source = objects[place]
            name, letter = rest.split()[:2]
            if letter == "U":
                self.uses[source].add(name)
            elif letter in DEFINED:
                self.exports[source].add(name)
                self.makers[name] = source

    def written(self):
        """(source, symbol) of what somebody wrote, not generated."""
        for source in sorted(self.exports):
            if source.startswith("src/"):
                for name in sorted(self.exports[source] - INTERPOSED - {"main"}):
                    yield source, name


def prefixes(source):
    """The beginnings that the naming rule allows for what this file exports: its module's name, after
    any number of the rooms around it."""
    parts = source.removesuffix(".c").split("/")[1:]
    parts = [part for part in parts if part != "lib"]
    return {"_".join(parts[first:]) for first in range(len(parts))}


def follows_rule(source, name):
    name = name.lower()
    return any(name == prefix or name.startswith(prefix + "_") for prefix in prefixes(source))


def names_against_rule(symbols):
    return [f"{source}: {name}" for source, name in symbols.written()
            if not follows_rule(source, name)]


def export_count(symbols):
    return sum(1 for _ in symbols.written())


def unused(symbols):
    used = set().union(*symbols.uses.values()) if symbols.uses else set()
    return [(source, name) for source, name in symbols.written() if name not in used]


def exports_without_user(symbols):
    """Exports that no other file of src uses, nor a test: they should be static."""
    tested = named_by_tests(symbols.tree)
    return [f"{source}: {name}" for source, name in unused(symbols) if name not in tested]


def exports_for_tests(symbols):
    """Exports that only tests use."""
    tested = named_by_tests(symbols.tree)
    return [f"{source}: {name}" for source, name in unused(symbols) if name in tested]


def named_by_tests(tree):
    names = set()
    for path in tree.files("tests/", ".c", ".h"):
        names.update(IDENTIFIER.findall(tree.code(path)))
    return names


def circles(symbols):
    """Sets of files that use each other, directly or around a corner (Tarjan's strongly connected
    components): a line names the members."""
    graph = {
        source: sorted({symbols.makers[name] for name in symbols.uses[source]
                        if name in symbols.makers} - {source})
        for source in set(symbols.exports) | set(symbols.uses)
    }
    return [component for component in components(graph) if len(component) > 1]


def components(graph):
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            place = stack.index(node)
            found.append(sorted(stack[place:]))
            del stack[place:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)


def files_in_circles(symbols):
    """One finding a file, so that breaking a circle into two is seen as better."""
    lines = []
    for number, members in enumerate(circles(symbols), 1):
        lines += [f"circle {number} ({len(members)} files): {member}" for member in members]
    return lines
