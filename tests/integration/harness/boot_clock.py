"""A clock that can be set ahead under a process that runs: tests/preload/boot_clock.c.

    clock = BootClock(folder);  site.start("--yes", **clock.environment);  clock.set_ahead(61)
"""

import os
import pathlib
import subprocess

from harness.description import PROJECT


class BootClock:
    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "boot_clock"
        library = pathlib.Path(folder) / "boot_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library),
                        str(PROJECT / "tests/preload/boot_clock.c"), "-ldl"], check=True)
        self.set_ahead(0)
        self.environment = {"LD_PRELOAD": str(library), "BOOT_CLOCK": str(self.file)}
        if "ASAN_OPTIONS" in os.environ:  # its library cannot come first then
            self.environment["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"] + ":verify_asan_link_order=0"

    def set_ahead(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.file)
