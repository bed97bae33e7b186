"""A writer that posts at a steady rate: tests/bench/pace.c."""

import subprocess

import posting
from compile import compile_c


class Pace:
    """Within a with statement it posts; afterwards `good`, `failed` and `late`, requests that were not
    sent because all connections waited for an answer."""

    def __init__(self, bench, server, rate):
        program = compile_c(bench.cluster.folder, "bench/pace.c")
        token = bench.issuer.token(posting.SUB)
        self.command = [str(program), str(server.port), str(rate), posting.PATH, token, posting.BODY]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        counts, _ = self.process.communicate(timeout=10)
        self.good, self.failed, self.late = map(int, counts.split())
