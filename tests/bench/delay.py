"""A network that takes 1 ms each way between the server and Postgres: tests/bench/delay.c."""

import subprocess
import urllib.parse

from compile import compile_c

DELAY_US = 1000


class Delay:
    """While it runs, url() gives the way through it to a database of the cluster."""

    def __init__(self, cluster):
        self.program = compile_c(cluster.folder, "bench/delay.c")
        self.target = cluster.socket

    def __enter__(self):
        command = [str(self.program), self.target, str(DELAY_US)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.communicate(timeout=10)

    def url(self, database):
        path = urllib.parse.urlsplit(database).path
        return f"postgresql://postgres@127.0.0.1:{self.port}{path}"
