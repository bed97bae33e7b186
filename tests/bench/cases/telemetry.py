"""What traces to a collector and to the X-Ray daemon cost the home feed: at the default sampling, which
bounds the traces begun a second, and with each request traced."""

import re

import data
import report
from bench import CONNECTIONS, median
from cases.home import check
from server import free_port
from sink import Sink

HIGHEST_COST = 5  # %, at the default sampling


def run(bench):
    sink = Sink(bench.cluster.folder)
    with bench.server() as plain, sink:
        yield compare(bench, sink, plain, "Home feed traced to OTLP and X-Ray", HIGHEST_COST)
        every = {"CRUDDUR_TRACES_PER_SECOND": "0"}
        yield compare(bench, sink, plain, "The same, each request traced", None, **every)
    bench.say(f"  the sink got {sink.requests:,} requests, {sink.bytes / 2**20:,.0f} MiB, ")
    bench.say(f"  and {sink.datagrams:,} datagrams")
    if not sink.requests or not sink.datagrams:
        raise RuntimeError("no traces came: nothing was measured")


def compare(bench, sink, plain, what, target, **settings):
    metrics_port = free_port()
    settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.otlp_url
    settings["AWS_XRAY_DAEMON_ADDRESS"] = sink.xray_address
    settings["METRICS_PORT"] = str(metrics_port)
    with bench.server(**settings) as traced:
        check(traced)
        turns = bench.alternate(
            traced=lambda seconds: bench.wrk(traced.url(data.HOME_PATH), seconds=seconds),
            plain=lambda seconds: bench.wrk(plain.url(data.HOME_PATH), seconds=seconds),
        )
        spans, dropped = counters(traced, metrics_port)
    bench.say(f"  {spans:,} spans, {dropped:,} of them dropped")
    cost = 100 * (1 - median(t.rate for t in turns["traced"]) / median(t.rate for t in turns["plain"]))
    return report.Row(
        f"{what}, {CONNECTIONS} connections",
        report.rates(turns["traced"]),
        f"without: {report.rates(turns['plain'])}",
        f"costs {cost:.1f} %; {spans:,} spans, {dropped:,} dropped",
        f"at most {target} %" if target else "",
        cost <= target and all(turn.clean for turn in turns["traced"]) if target else None,
    )


def counters(server, port):
    """Spans recorded, and dropped on their way to the collector."""
    status, body = server.get("/metrics", port)
    if status != 200:
        raise RuntimeError(f"/metrics answered {status}")
    found = dict(re.findall(r"^(cruddur_\w+) (\d+)$", body.decode(), re.MULTILINE))
    return int(found["cruddur_trace_spans_total"]), int(found["cruddur_trace_spans_dropped_total"])
