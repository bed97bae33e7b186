"""A private Postgres with default settings, so that both sides write and sync as in production."""

import pathlib
import shutil
import sys

from compile import compile_c

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import scratch  # noqa: E402
from private_postgres import BIN, Cluster as PrivateCluster, psql  # noqa: E402, F401 (for the cases)


class Cluster(PrivateCluster):
    def __init__(self, slow_flush_us=0):
        """With `slow_flush_us`, each flush takes so many microseconds more, as on a network disk."""
        super().__init__(scratch.make_folder("bench"))
        self.slow_flush_us = slow_flush_us

    def __enter__(self):
        try:
            self.own_folder(0o755)
            self.make()
            if self.slow_flush_us:
                library = compile_c(self.folder, "preload/slow_flush.c", "-U_GNU_SOURCE", "-shared", "-fPIC")
                self.environment = {"LD_PRELOAD": str(library), "SLOW_FLUSH_US": str(self.slow_flush_us)}
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name):
        psql(self.url("postgres"), "-c", f'CREATE DATABASE "{name}"')
        return self.url(name)
