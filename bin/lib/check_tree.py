"""The files of the project, as the measures of check_measure.py read them."""

import functools
import os
import pathlib
import re
import subprocess

# Comments, string and character literals of C. A quote within a comment begins no string.
TOKENS = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
SKIPPED_FOLDERS = {"build", "node_modules", ".git", ".dev", "__pycache__"}


class Tree:
    """A project below the folder `top`: a git work tree, or any folder."""

    def __init__(self, top):
        self.top = pathlib.Path(top).resolve()
        self.paths = sorted(self._list())

    def _list(self):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        if (self.top / ".git").exists():
            done = subprocess.run(command, cwd=self.top, check=True, capture_output=True, text=True)
            return [path for path in done.stdout.split("\0") if (self.top / path).is_file()]
        found = []
        for folder, folders, names in os.walk(self.top):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            found += [os.path.relpath(os.path.join(folder, name), self.top) for name in names]
        return found

    def files(self, prefix, *endings):
        """The paths below the folder `prefix` ("" for all) that end with one of `endings`."""
        return [path for path in self.paths if path.startswith(prefix) and path.endswith(endings)]

    @functools.cache
    def text(self, path):
        return (self.top / path).read_text(encoding="utf-8", errors="replace")

    @functools.cache
    def code(self, path):
        """A C file with its comments and literals blanked, line by line as it was."""
        return TOKENS.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), self.text(path))

    @functools.cache
    def comments(self, path):
        """The comments of a file as (line number, text): C, or what follows a # elsewhere."""
        text = self.text(path)
        if not path.endswith((".c", ".h")):
            lines = enumerate(text.split("\n"), 1)
            return [(number, line) for number, line in lines if re.match(r"\s*(#|\"\"\")", line)]
        found = []
        for match in TOKENS.finditer(text):
            if match["comment"]:
                first = text.count("\n", 0, match.start()) + 1
                found += list(enumerate(match[0].split("\n"), first))
        return found


def room_of(path):
    """The room that a file below src/ belongs to: its folder's path without src/ and lib/."""
    folder = os.path.dirname(path).removeprefix("src").strip("/").removeprefix("lib").strip("/")
    return folder or "main"
