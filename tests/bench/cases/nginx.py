"""The home feed at 64 connections against nginx, which serves the same bytes from a file."""

import http.client

import data
import report
from bench import CONNECTIONS, median
from cases.home import check
from nginx import Nginx

TARGET = 0.45
GZIP = "Accept-Encoding: gzip"


def run(bench):
    with bench.server() as server:
        check(server)
        answer, body = read(server)
        with Nginx(bench.cluster.folder, bench.cores, data.HOME_PATH, answer, body) as nginx:
            yield compare(bench, server, nginx, "Home feed", (), "nginx")
            yield compare(bench, server, nginx, "Home feed, compressed", (GZIP,), "nginx_gzip")


def read(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", data.HOME_PATH)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def compare(bench, server, nginx, what, headers, figure):
    def ask(url):
        return lambda seconds: bench.wrk(url, seconds=seconds, headers=headers)

    turns = bench.alternate(server=ask(server.url(data.HOME_PATH)), nginx=ask(nginx.url()))
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["nginx"])
    return report.Row(
        f"{what}, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"nginx, same bytes from a file: {report.rates(turns['nginx'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET and all(turn.clean for side in turns.values() for turn in side),
        figure,
        ratio,
    )
