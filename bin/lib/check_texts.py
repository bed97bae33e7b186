"""Measures of documents, of the words in them and in comments, and of commits. Each takes a Tree and
returns findings, one line each."""

import os
import re
import subprocess

WIDEST = 100
LONG_WORD = 70  # a URL, which cannot be broken
WIDEST_SUBJECT = 72
LATEST_COMMITS = 10  # what is looked at when nobody knows where origin's main is

MAP = "docs/architecture.md"
MAP_HEADING = "## The files of each room, in reading order"

WORDS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "check_words.txt")
# First words that end as if they were no imperatives.
IMPERATIVES = set(
    "Access Address Bring Bypass Compress Cross Decompress Discuss Dismiss Embed Express Feed Focus "
    "Guess Need Pass Ping Press Proceed Process Seed Shed Speed Spring String Suppress Wing".split()
)


def documents(tree):
    return tree.files("", ".md")


def prose(text):
    """(line number, line) of a Markdown text without its blocks of code."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def wide_lines(tree):
    """Lines over 100 columns, but for rows of tables and for lines with a long URL."""
    found = []
    for path in documents(tree):
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            words = map(len, line.split())
            if len(line) > WIDEST and not line.startswith("|") and max(words, default=0) < LONG_WORD:
                found.append(f"{path}:{number}: {len(line)} columns")
    return found


def read_words():
    """The list: [(pattern, what to say instead)]."""
    words = []
    with open(WORDS, encoding="utf-8") as file:
        for line in file:
            word, _, better = line.strip().partition(" = ")
            if word and not word.startswith("#"):
                words.append((re.compile(rf"\b{word}\b", re.IGNORECASE), better))
    return words


def words_in(lines, path):
    found = []
    for number, line in lines:
        for pattern, better in read_words.list:
            for match in pattern.finditer(line):
                found.append(f"{path}:{number}: '{match[0]}': {better}")
    return found


read_words.list = read_words()


def words_of_documents(tree):
    return [line for path in documents(tree) for line in words_in(prose(tree.text(path)), path)]


def words_of_comments(tree):
    paths = [path for folder in ("src/", "tests/", "bin/", "db/", "cmake/", ".ci/")
             for path in tree.files(folder, ".c", ".h", ".py", ".sh", ".sql", ".cmake", "/CMakeLists.txt")]
    paths += [path for path in tree.files("bin/", "") if "." not in os.path.basename(path)]
    return [line for path in paths for line in words_in(tree.comments(path), path)]


def anchors(text):
    """The anchors that a page on GitHub has: its headings in lower case, without punctuation."""
    seen, found = {}, set()
    for _, line in prose(text):
        heading = re.match(r"#{1,6} +(.*?)[ #]*$", line)
        if heading:
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            found.add(f"{slug}-{count}" if count else slug)
        found.update(re.findall(r'<a (?:name|id)="([^"]+)"', line))
    return found


def broken_links(tree):
    """Links to files of the project, and to headings, that lead nowhere."""
    found = []
    for path in documents(tree):
        for number, line in prose(tree.text(path)):
            plain = re.sub(r"`[^`]*`", "", line)
            for target in re.findall(r"\]\(<?([^)\s>]+)", plain):
                if re.match(r"[a-z]+:", target):
                    continue
                problem = look_up(tree, path, target)
                if problem:
                    found.append(f"{path}:{number}: {target}: {problem}")
    return found


def look_up(tree, path, target):
    """What is wrong with a link of the document `path`, or None."""
    name, _, anchor = target.partition("#")
    linked = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if linked.startswith(".."):
        return "outside the project"
    if not (tree.top / linked).exists():
        return "no such file"
    if anchor and linked.endswith(".md") and anchor not in anchors(tree.text(linked)):
        return "no such heading"
    return None


def mapped_files(tree):
    """(line number, path) of each file that the map names, below the heading of its folder."""
    section = tree.text(MAP).partition(f"\n{MAP_HEADING}\n")
    first = section[0].count("\n") + 3
    folder, found = None, []
    for number, line in enumerate(section[2].partition("\n## ")[0].split("\n"), first):
        heading = re.match(r"### `(.*/)`$", line)
        if heading:
            folder = heading[1]
        elif folder:
            found += [(number, folder + name) for name in re.findall(r"`([\w.]+\.[ch])`", line)]
    return found


def map_of_files(tree):
    """Files of src that the map leaves out, names twice, or names though they are not there. A
    header beside its .c file is not named."""
    if MAP not in tree.paths:
        return []
    sources = tree.files("src/", ".c", ".h")
    wanted = {path for path in sources if path.endswith(".c") or path[:-1] + "c" not in sources}
    wanted.discard("src/main.c")
    found, seen = [], set()
    for number, path in mapped_files(tree):
        if path in seen or path not in wanted:
            problem = "named twice" if path in seen else "no such file, or a header beside its .c"
            found.append(f"{MAP}:{number}: {path}: {problem}")
        seen.add(path)
    return found + [f"{path}: not in the map of {MAP}" for path in sorted(wanted - seen)]


def subjects(tree):
    """(commit, subject) since origin's main, else of the latest commits."""
    base = ["git", "-C", str(tree.top), "rev-parse", "--verify", "--quiet", "origin/main"]
    known = subprocess.run(base, check=False, capture_output=True).returncode == 0
    which = ["origin/main.."] if known else [f"-{LATEST_COMMITS}"]
    command = ["git", "-C", str(tree.top), "log", "--no-merges", "--format=%h %s", *which]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return [line.split(" ", 1) for line in done.stdout.splitlines() if " " in line]


def complaint(subject):
    """What is wrong with a commit's subject, or None."""
    if subject.startswith('Revert "'):
        return None
    first = re.match(r"[\w-]*", subject)[0]
    if len(subject) > WIDEST_SUBJECT:
        return f"{len(subject)} columns; {WIDEST_SUBJECT} are the most"
    if subject.endswith("."):
        return "ends with a period"
    if not first[:1].isupper():
        return "begins not with a capital"
    ends_oddly = re.search(r"(ed|ing|[^s]s|[^aeiou]ies)$", first)
    if ends_oddly and first not in IMPERATIVES:
        return f"'{first}' is no imperative"
    return None


def bad_subjects(tree):
    found = []
    for commit, subject in subjects(tree):
        problem = complaint(subject)
        if problem:
            found.append(f"{commit}: {subject}: {problem}")
    return found
