"""Stand-ins for the services that watch a server: an OTLP collector, the X-Ray daemon, Rollbar.

Each holds what it gets against the service's own rules and keeps it; `problems` lists what a real one
would have refused."""

import http.server
import json
import re
import socket
import threading

TRACE_ID = re.compile(r"[0-9a-f]{32}")
SPAN_ID = re.compile(r"[0-9a-f]{16}")
NANOSECONDS = re.compile(r"[0-9]{19}")
XRAY_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
XRAY_NAME = re.compile(r"[\w\s_.:/%&#=+\\\-@]{1,200}")


class Watcher:
    """What the stand-ins share: things that came, and waiting for them."""

    def __init__(self):
        self.items = []
        self.problems = []
        self.changed = threading.Condition()

    def add(self, item):
        with self.changed:
            self.items.append(item)
            self.changed.notify_all()

    def check(self, good, problem):
        if not good:
            self.problems.append(problem)

    def wait_for(self, wanted, timeout=30):
        """The first item for which wanted(item) is true."""
        with self.changed:
            found = self.changed.wait_for(lambda: next(filter(wanted, self.items), None), timeout)
        assert found, f"it did not come; what came: {self.items}"
        return found


class HttpWatcher(Watcher):
    """A watcher that is posted to. `mode` is ok, error or hang."""

    def __init__(self):
        super().__init__()
        self.mode = "ok"
        self.release = threading.Event()
        watcher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if watcher.mode == "hang":
                    watcher.release.wait(60)
                    return
                if watcher.mode == "ok":
                    watcher.take(self.path, self.headers, json.loads(body))
                self.send_response(200 if watcher.mode == "ok" else 500)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


class Collector(HttpWatcher):
    """Items are spans, each with its resource's attributes as `resource`."""

    def take(self, path, headers, request):
        self.check(path == "/v1/traces", f"path {path}")
        self.check(headers["Content-Type"] == "application/json", headers["Content-Type"])
        self.check(set(request) == {"resourceSpans"}, f"keys {set(request)}")
        for resource_spans in request["resourceSpans"]:
            resource = self.attributes(resource_spans["resource"])
            for scope_spans in resource_spans["scopeSpans"]:
                self.check(scope_spans["scope"]["name"], "a scope without a name")
                for span in scope_spans["spans"]:
                    self.check_span(span)
                    values = self.attributes(span)
                    self.add({**span, "resource": resource, "values": values, "headers": headers})

    def attributes(self, holder):
        result = {}
        for attribute in holder.get("attributes", []):
            (kind, value), = attribute["value"].items()
            self.check(kind in ("stringValue", "intValue"), f"attribute of {kind}")
            self.check(isinstance(value, str), "64-bit numbers are strings in JSON")
            result[attribute["key"]] = int(value) if kind == "intValue" else value
        return result

    def check_span(self, span):
        known = {"traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano",
                 "endTimeUnixNano", "attributes", "status"}
        self.check(set(span) <= known, f"unknown keys {set(span) - known}")
        self.check(TRACE_ID.fullmatch(span["traceId"]), span["traceId"])
        self.check(SPAN_ID.fullmatch(span["spanId"]), span["spanId"])
        if "parentSpanId" in span:
            self.check(SPAN_ID.fullmatch(span["parentSpanId"]), span["parentSpanId"])
        for name in ("startTimeUnixNano", "endTimeUnixNano"):
            self.check(NANOSECONDS.fullmatch(span[name]), f"{name} {span[name]}")
        self.check(span["startTimeUnixNano"] <= span["endTimeUnixNano"], "ends before it starts")
        self.check(span["kind"] in (2, 3), f"kind {span['kind']}")
        self.check(span.get("status", {"code": 2}) == {"code": 2}, f"status {span.get('status')}")


class XrayDaemon(Watcher):
    """Items are segment documents."""

    def __init__(self):
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        while True:
            try:
                datagram = self.socket.recv(65536)
            except OSError:
                return
            if not datagram:
                return
            header, _, document = datagram.partition(b"\n")
            self.check(json.loads(header) == {"format": "json", "version": 1}, header)
            segment = json.loads(document)
            self.check_segment(segment)
            self.add(segment)

    def check_segment(self, segment):
        self.check(XRAY_NAME.fullmatch(segment["name"]), f"name {segment['name']}")
        self.check(SPAN_ID.fullmatch(segment["id"]), segment["id"])
        self.check(XRAY_TRACE_ID.fullmatch(segment["trace_id"]), segment["trace_id"])
        self.check(segment["start_time"] <= segment["end_time"], "ends before it starts")
        if segment.get("type") == "subsegment":
            self.check(SPAN_ID.fullmatch(segment["parent_id"]), "a subsegment without its parent")
            self.check(segment["namespace"] in ("remote", "aws"), segment["namespace"])

    def close(self):
        self.socket.close()


class Rollbar(HttpWatcher):
    """Items are what Rollbar's POST /api/1/item/ takes."""

    def take(self, path, headers, request):
        data = request["data"]
        self.check(path == "/api/1/item/", f"path {path}")
        self.check(headers["Content-Type"] == "application/json", headers["Content-Type"])
        self.check(data["environment"], "no environment")
        self.check(data["level"] in ("critical", "error", "warning", "info", "debug"), data["level"])
        self.check(set(data["body"]) == {"message"}, f"body {set(data['body'])}")
        self.check(data["body"]["message"]["body"], "an empty message")
        self.check(isinstance(data["timestamp"], int), "timestamp")
        self.add({**data, "token": headers["X-Rollbar-Access-Token"]})
