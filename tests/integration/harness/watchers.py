"""Stand-ins for the services that watch a server: an OTLP collector, the X-Ray daemon, Rollbar.

Each holds what it gets against the service's own rules and keeps it; `problems` lists what a real one
would have refused."""

import http.server
import json
import socket
import subprocess
import threading

import jsonschema

from harness.description import PROJECT

OTLP_VALIDATOR = PROJECT / "tests" / "otlp" / "validate.js"
XRAY_SCHEMA = json.loads((PROJECT / "tests" / "vectors" / "xray-segment.schema.json").read_text())
XRAY_SIZE_LIMIT = 64 * 1024


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
    """Items are spans, each with its resource's attributes as `resource` and its own as `values`. All
    requests are held against the protocol's definitions at the end."""

    def __init__(self):
        super().__init__()
        self.requests = []

    def take(self, path, headers, request):
        self.check(path == "/v1/traces", f"path {path}")
        self.check(headers["Content-Type"] == "application/json", headers["Content-Type"])
        self.requests.append(request)
        for resource_spans in request["resourceSpans"]:
            resource = self.attributes(resource_spans["resource"])
            for scope_spans in resource_spans["scopeSpans"]:
                self.check(scope_spans["scope"]["name"], "a scope without a name")
                for span in scope_spans["spans"]:
                    values = self.attributes(span)
                    self.add({**span, "resource": resource, "values": values, "headers": headers})

    @staticmethod
    def attributes(holder):
        result = {}
        for attribute in holder.get("attributes", []):
            (kind, value), = attribute["value"].items()
            result[attribute["key"]] = int(value) if kind == "intValue" else value
        return result

    def close(self):
        super().close()
        self.problems += otlp_problems(self.requests)


def otlp_problems(requests):
    """What OTLP's published definitions say against ExportTraceServiceRequests in JSON."""
    done = subprocess.run(
        ["node", str(OTLP_VALIDATOR)],
        input="".join(json.dumps(request) + "\n" for request in requests),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return done.stdout.splitlines()


def xray_problems(segment):
    """What X-Ray's documentation says against a segment document."""
    validator = jsonschema.Draft7Validator(XRAY_SCHEMA)
    problems = [error.message for error in validator.iter_errors(segment)]
    if not problems and segment["end_time"] < segment["start_time"]:
        problems.append("it ends before it starts")
    return problems


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
            self.check(len(document) <= XRAY_SIZE_LIMIT, f"{len(document)} bytes")
            segment = json.loads(document)
            self.problems += xray_problems(segment)
            self.add(segment)

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
        self.check(data["server"]["host"], "no server")
        self.check(data["level"] != "error" or data["request"]["url"], "an error without a request")
        self.add({**data, "token": headers["X-Rollbar-Access-Token"]})
