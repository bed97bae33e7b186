"""Each rule that bin/check holds the project to finds a fault that is planted for it."""

import re
import subprocess

import pytest
import yaml

from harness.description import PROJECT

LIB = PROJECT / "bin" / "lib"
GIT = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]


def write(top, files):
    for path, text in files.items():
        file = top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def run(*command, cwd=None):
    return subprocess.run([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)


def measure(top, *arguments, bounds=""):
    """Measures the files below `top`; without bounds each aim is the bound."""
    file = top.parent / "bounds.txt"
    file.write_text("# the bounds of a test\n" + bounds)
    return run("/usr/bin/python3", "-B", LIB / "check_measure.py", "--top", top, "--bounds", file, *arguments)


def findings(top, name, *arguments):
    """What a measure found, each without its name; every finding is worse than an aim of 0."""
    done = measure(top, name, *arguments)
    found = re.findall(rf"^{name}: (.*)$", done.stdout, re.M)
    has_bound = name != "headers"
    assert done.returncode == (1 if found and has_bound else 0), done.stdout + done.stderr
    return found


@pytest.fixture
def top(tmp_path):
    folder = tmp_path / "project"
    write(folder, {"src/lib/base/good.c": '/* good.c: nothing wrong. */\n_Static_assert(1, "");\n'})
    return folder


def build(top, *sources):
    """Compiles sources as CMake would; the folder for --build."""
    for source in sources:
        folder, _, name = source.rpartition("/")
        target = top / "build" / folder / "CMakeFiles" / "room.dir" / f"{name}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", "-o", target, top / source], check=True)
    return top / "build"


FAULTS = {
    "tags": (
        {"src/lib/base/a.c": "struct call {\n  int a;\n};\n",
         "src/lib/pg/b.h": "/* struct call { in a comment */\nstruct call {\n  int b;\n};\n"},
        ["call: src/lib/base/a.c:1, src/lib/pg/b.h:2"],
    ),
    "modules": (
        {"src/lib/base/a.c": "", "src/lib/base/a.h": '#include "x"\n', "src/lib/pg/a.h": ""},
        ["a: src/lib/base, src/lib/pg"],
    ),
    "functions": (
        {"src/lib/base/a.c": "static int f(int a,\n             int b) {\n" + "  a++;\n" * 48 + "}\n"
                             "int g(void) {\n" + "  a++;\n" * 48 + "}\n"},
        ["src/lib/base/a.c:1: f() has 51 lines"],
    ),
    "banned": (
        {"src/lib/base/a.c": 'void f(void) {\n  strcpy(a, "strcat(b)"); /* sprintf(c) */\n'
                             "  my_strcpy(a);\n  x = atoi(a) + strtoull(a, 0, 0);\n}\n"},
        ["src/lib/base/a.c:2: strcpy()", "src/lib/base/a.c:4: atoi()", "src/lib/base/a.c:4: strtoull()"],
    ),
    "headers": (
        {"src/lib/base/a.h": "", "src/lib/base/b.h": "", "src/lib/base/b.c": '#include "lib/base/b.h"\n',
         "src/lib/base/c.c": '#include "lib/base/a.h"\n#include "lib/base/b.h"\n',
         "src/lib/base/d.c": '#include "lib/base/a.h"\n#include "lib/base/b.h"\n',
         "src/lib/base/e.c": '#include "lib/base/e.h"\n', "src/lib/base/e.h": '#include "lib/base/f.h"\n',
         "src/lib/base/f.h": ""},
        ["src/lib/base/e.h: nobody", "src/lib/base/f.h: src/lib/base/e.h"],
    ),
    "wide": (
        {"README.md": f"{'word ' * 20}\n{'word ' * 20}word\n| {'cell ' * 30}|\n[a]: https://{'x' * 100}\n"},
        ["README.md:2: 104 columns"],
    ),
    "words": (
        {"docs/a.md": "It begins Anew.\n```\nanew\n```\nA canew.\n"},
        ["docs/a.md:1: 'Anew': again, or a new one"],
    ),
    "comments": (
        {"src/lib/base/a.c": '/* One\n * anew. */\nconst char *anew = "anew";\n', "bin/do": "# anew\nanew\n"},
        ["src/lib/base/a.c:2: 'anew': again, or a new one", "bin/do:1: 'anew': again, or a new one"],
    ),
    "links": (
        {"README.md": "# Top\n## A `b`, c!\n[1](docs/a.md) [2](#a-b-c) [3](https://a.example/#x)\n"
                      "[4](docs/b.md) [5](#nothing) [6](docs/a.md#there) [7](docs/a.md#not)\n`[8](x)`\n",
         "docs/a.md": "# There\n[up](../README.md#top)\n"},
        ["README.md:4: docs/b.md: no such file", "README.md:4: #nothing: no such heading",
         "README.md:4: docs/a.md#not: no such heading"],
    ),
    "map": (
        {"src/main.c": "", "src/lib/base/a.c": "", "src/lib/base/a.h": "", "src/lib/base/b.h": "",
         "src/lib/pg/a.c": "",
         "docs/architecture.md": "# A\n## The files of each room, in reading order\n`lost.c`\n"
                                 "### `src/lib/base/`\n`a.c` (see `x`), `a.h`, `c.c`\n`a.c`, `good.c`\n## B\n`d.c`\n"},
        ["docs/architecture.md:5: src/lib/base/a.h: no such file, or a header beside its .c",
         "docs/architecture.md:5: src/lib/base/c.c: no such file, or a header beside its .c",
         "docs/architecture.md:6: src/lib/base/a.c: named twice",
         "src/lib/base/b.h: not in the map of docs/architecture.md",
         "src/lib/pg/a.c: not in the map of docs/architecture.md"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(top, name):
    assert findings(top, name) == []
    files, expected = FAULTS[name]
    write(top, files)
    assert findings(top, name) == expected


def test_assertions_are_counted_by_lines(top):
    write(top, {"src/lib/base/a.c": '/* assert(1) */\n_Static_assert(1, "");\n' + "\n" * 498,
                "src/lib/base/b.c": "  assert(a); assert_int(b);\n" + "\n" * 498})
    done = measure(top)
    assert re.search(r"^assertions .* 3 +6 +6  WORSE$", done.stdout, re.M), done.stdout
    assert done.returncode == 1


def test_names_and_users_of_exports(top):
    write(top, {
        "src/lib/base/text.c": "int text_used(void) { return 1; }\nint text(void) { return 1; }\n"
                               "int base_text_tested(void) { return 1; }\nint texture(void) { return 1; }\n",
        "src/lib/base/user.c": "int text_used(void); int text(void);\n"
                               "static int f(void) { return text_used() + text(); }\n"
                               "int (*user)(void) = f;\n",
        "tests/unit/test_text.c": "int base_text_tested(void);\n",
    })
    folder = build(top, "src/lib/base/text.c", "src/lib/base/user.c")
    assert findings(top, "names", "--build", folder) == ["src/lib/base/text.c: texture"]
    unused = ["src/lib/base/text.c: texture", "src/lib/base/user.c: user"]
    assert findings(top, "unused", "--build", folder) == unused
    assert findings(top, "tested", "--build", folder) == ["src/lib/base/text.c: base_text_tested"]


def test_circles_of_files_name_their_members(top):
    write(top, {"src/a.c": "int b(void);\nint a(void) { return b(); }\n",
                "src/b.c": "int c(void);\nint b(void) { return c(); }\n",
                "src/c.c": "int a(void);\nint c(void) { return a(); }\n",
                "src/d.c": "int a(void);\nstatic int d(void) { return a(); }\n"})
    folder = build(top, "src/a.c", "src/b.c", "src/c.c", "src/d.c")
    assert findings(top, "circles", "--build", folder) == [
        f"circle 1 (3 files): src/{name}.c" for name in "abc"]
    (top / "src" / "c.c").unlink()  # what a removed file left in the build says nothing
    assert findings(top, "circles", "--build", folder) == []


@pytest.mark.parametrize("subject, problem", [
    ("Add a thing", None),
    ("Address a thing", None),
    ('Revert "Added a thing."', None),
    ("Add " + "x" * 69, "73 columns; 72 are the most"),
    ("Add a thing.", "ends with a period"),
    ("add a thing", "begins not with a capital"),
    ("Added a thing", "'Added' is no imperative"),
    ("Adds a thing", "'Adds' is no imperative"),
    ("Adding a thing", "'Adding' is no imperative"),
])
def test_subjects_of_commits(top, subject, problem):
    subprocess.run([*GIT, "init", "--quiet", "--initial-branch=main"], cwd=top, check=True)
    subprocess.run([*GIT, "add", "."], cwd=top, check=True)
    subprocess.run([*GIT, "commit", "--quiet", "-m", subject], cwd=top, check=True)
    found = findings(top, "subjects")
    assert [line.partition(": ")[2] for line in found] == ([f"{subject}: {problem}"] if problem else [])


def test_subjects_are_those_since_main(top):
    def git(*arguments):
        subprocess.run([*GIT, *arguments], cwd=top, check=True)

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "Added what was merged long ago")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("commit", "--quiet", "--allow-empty", "-m", "Added what is new")
    assert [line.partition(": ")[2] for line in findings(top, "subjects")] == [
        "Added what is new: 'Added' is no imperative"]


def test_a_bound_holds_and_only_gets_better(top):
    write(top, {"docs/a.md": "anew\nanew\n"})
    assert measure(top, bounds="words 2\n").returncode == 0
    worse = measure(top, bounds="words 1\n")
    assert worse.returncode == 1 and "words: docs/a.md:2: 'anew'" in worse.stdout
    better = measure(top, bounds="words 3\n")
    assert better.returncode == 0 and "better: bin/check --fix lowers the bound" in better.stdout
    measure(top, "--tighten", bounds="words 3\nlinks 0\n")
    written = (top.parent / "bounds.txt").read_text()
    assert "# the bounds of a test\n" in written and "\nwords 2\n" in written and "\nlinks 0\n" in written
    write(top, {"docs/a.md": "anew\nanew\nanew\n"})
    assert measure(top, "--tighten", bounds="words 2\n").returncode == 1
    assert "\nwords 2\n" in (top.parent / "bounds.txt").read_text()


def test_unknown_measures_are_refused(top):
    done = measure(top, "beauty")
    assert done.returncode == 2 and "'beauty'" in done.stderr


@pytest.mark.parametrize("path, text, breach", [
    ("src/lib/base/a.c", '/* a.c: x. */\n#include "lib/pg/pool.h"\n', "base may not include pg"),
    ("src/lib/pg/a.c", "/* a.c: x. */\n#include <jwt.h>\n", "<jwt.h> belongs to the room auth"),
    ("src/lib/base/a.c", '/* a.c: x. */\n#include "b.h"\n', "is no path from src/ into a room"),
    ("src/lib/attic/a.c", '/* a.c: x. */\n#include "lib/base/b.h"\n', "has no floor"),
    ("src/lib/base/a.c", "int a;\n", 'begins not with "/* a.c: "'),
    ("src/lib/base/a.c", "/* a.c: x. */\n" + "\n" * 599, "600 lines; 599 are the most"),
    ("src/lib/base/a.c", "/* a.c: x. */\n/* TO" "DO */\n", "/* TO" "DO */"),
], ids=["floor", "owner", "path", "no floor", "first line", "length", "word"])
def test_rules_of_the_house(top, path, text, breach):
    rooms = LIB / "check_rooms.sh"
    clean = run(rooms, top)
    assert clean.returncode == 0 and clean.stdout == ""
    write(top, {path: text})
    done = run(rooms, top)
    assert done.returncode == 1
    assert breach in done.stdout and done.stdout.startswith(path), done.stdout


@pytest.mark.parametrize("text, breach", [
    ("# a: b.\nif(A)\n  set(b\n      c)\nelse()\n  set(d e)\nendif()\n", None),
    ("set(a b)\n", "1: begins not with a comment that says what it is"),
    ("# a : b.\n", "1: a blank before punctuation in a comment"),
    ("# a\n#b\n", "2: a comment begins with '# '"),
    ("# a\n    set(b c)\n", "2: set() is not indented by 0 columns"),
    ("# a\nif(A)\nset(b c)\nendif()\n", "3: set() is not indented by 2 columns"),
    ("# \u00e4\n", "1: not ASCII"),
    ("# a\nset(a\tb)\n", "2: a tab"),
    ("# a\nset(a b) \n", "2: blanks at the end"),
    ("# " + "a" * 160 + "\n", "1: more than 160 columns"),
    ('# a\nset(a "#b\n#c \u00e4")\nset(b [[\n  set(c)\n]])\n', None),
])
def test_cmake_files(tmp_path, text, breach):
    write(tmp_path, {"CMakeLists.txt": text})
    done = run(LIB / "check_cmake.py", "CMakeLists.txt", cwd=tmp_path)
    expected = f"CMakeLists.txt:{breach}\n" if breach else ""
    assert (done.stdout, done.returncode) == (expected, 1 if breach else 0)


def test_actions_of_workflows_are_pinned_by_commit():
    for workflow in (PROJECT / ".github" / "workflows").iterdir():
        used = re.findall(r"uses: *(\S+)( # v\d+\.\d+\.\d+)?", workflow.read_text())
        assert used, workflow
        for action, version in used:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) and version, f"{workflow}: {action}"


def steps_of(workflow):
    """The commands of a workflow's jobs."""
    document = yaml.safe_load((PROJECT / ".github" / "workflows" / workflow).read_text())
    assert document["permissions"] == {"contents": "read"}
    return [step["run"] for job in document["jobs"].values() for step in job["steps"] if "run" in step]


def test_workflows_run_every_check():
    assert ".ci/run" in steps_of("checks.yaml")
    nightly = " ".join(steps_of("nightly.yaml"))
    assert "bin/test --sanitize=" in nightly and "bin/fuzz --seconds" in nightly
    for line in ("bin/check", "bin/test", "bin/test --unit --sanitize=address"):
        assert line in (PROJECT / ".ci" / "run").read_text().split("\n")


def test_the_sanitized_tests_of_ci_exist():
    """A word that fits no file would silently leave its tests out."""
    listed = re.search(r"^sanitized=\(([^)]*)\)", (PROJECT / ".ci" / "run").read_text(), re.M)[1].split()
    names = [path.name for path in (PROJECT / "tests" / "integration").glob("test_*.py")]
    assert [word for word in listed if not any(word in name for name in names)] == []
    chosen = [name for name in names if any(word in name for word in listed)]
    assert len(names) / 5 < len(chosen) < len(names) / 2
