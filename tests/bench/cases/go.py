"""The home feed at 64 connections against a service in Go, with the same statement and answer."""

import json
import os
import pathlib
import subprocess
import urllib.parse
import urllib.request

import data
import report
from bench import CONNECTIONS, median
from cases.home import check

TARGET = 3.5
SOURCE = pathlib.Path(__file__).resolve().parents[1] / "service.go"
DEBIAN_PATH = "/usr/share/gocode"  # where Debian's packages of Go libraries are


class Service:
    def __init__(self, folder, database):
        self.program = f"{folder}/service"
        self.database = keywords(database)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "GOCACHE": f"{folder}/go-cache",
            "GOPATH": DEBIAN_PATH,
            "GO111MODULE": "off",
        }
        command = ["go", "build", "-o", self.program, str(SOURCE)]
        subprocess.run(command, check=True, env=environment)
        self.statement = pathlib.Path(folder) / "home.sql"
        self.statement.write_text(data.statement("activities/home"), encoding="utf-8")

    def __enter__(self):
        command = [self.program, str(self.statement), self.database]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.communicate(timeout=10)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"


def keywords(url):
    """pgx cannot read a URL whose host is the folder of a socket."""
    parts = urllib.parse.urlsplit(url)
    folder = urllib.parse.unquote(parts.hostname)
    return f"host={folder} port={parts.port} user={parts.username} dbname={parts.path[1:]}"


def run(bench):
    bench.say("  compiling the service in Go")
    with bench.server() as server, Service(bench.cluster.folder, bench.database()) as service:
        check(server)
        with urllib.request.urlopen(service.url(data.HOME_PATH)) as answer:
            if json.load(answer) != server.get_json(data.HOME_PATH):
                raise RuntimeError("the two services give different answers")
        turns = bench.alternate(
            server=lambda seconds: bench.wrk(server.url(data.HOME_PATH), seconds=seconds),
            go=lambda seconds: bench.wrk(service.url(data.HOME_PATH), seconds=seconds),
        )
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["go"])
    yield report.Row(
        f"Home feed, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"Go with pgx, same SQL: {report.rates(turns['go'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET and all(turn.clean for turn in turns["server"]),
        figure="go",
        value=ratio,
    )
