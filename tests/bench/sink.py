"""A collector and an X-Ray daemon that cost next to nothing: tests/bench/sink.c, compiled here."""

import subprocess

from compile import compile_c


class Sink:
    """While it runs, `otlp_url` and `xray_address`; afterwards what came, as `requests`, `bytes` and
    `datagrams`."""

    def __init__(self, folder):
        self.program = compile_c(folder, "bench/sink.c")

    def __enter__(self):
        self.process = subprocess.Popen([str(self.program)], stdout=subprocess.PIPE, text=True)
        http_port, udp_port = self.process.stdout.readline().split()
        self.otlp_url = f"http://127.0.0.1:{http_port}"
        self.xray_address = f"127.0.0.1:{udp_port}"
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        counts, _ = self.process.communicate(timeout=10)
        self.requests, self.bytes, self.datagrams = map(int, counts.split())
