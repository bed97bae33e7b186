"""A proxy in front of DynamoDB that loses, delays, throttles and fails requests, as networks and
services do, and tells tests of each request.

    proxy = DynamoProxy(dynalite.port)
    proxy.plan = lambda call: Fault.DROP_AFTER if call.operation == "PutItem" else None
    proxy.before = lambda call: …      # runs before the request is forwarded
    proxy.after = lambda call: …       # runs after it was done, before the answer goes out
"""

import collections
import enum
import fcntl
import http.client
import http.server
import json
import os
import random
import socket
import struct
import termios
import threading


class Fault(enum.Enum):
    DROP_BEFORE = "the connection closes, nothing was done"
    DROP_AFTER = "it is done, then the connection closes"
    THROTTLE = "400 ProvisionedThroughputExceededException"
    FAIL_BEFORE = "500, nothing was done"
    FAIL_AFTER = "it is done, then 500"
    DELAY = "it is done late"

    # Refused: nothing was done.
    CONFLICT = "400 TransactionConflictException"
    REPLICATED = "400 ReplicatedWriteConflictException"
    LIMIT = "400 LimitExceededException"
    NOT_FOUND = "400 ResourceNotFoundException"
    TIMEOUT = "408 without a body"
    TOO_MANY = "429 without a body"
    BUSY = "503 with HTML"
    HANG = "no answer at all"

    # Done, and the answer is damaged.
    RESET = "the answer, and the connection is reset right after it"
    CUT_LENGTH = "half of what Content-Length announces"
    CUT_CLOSE = "half of the answer without a length, then the connection closes"
    CUT_CHUNK = "a chunk shorter than announced"
    DRIP = "a byte each half second"
    HTML = "200 with HTML"
    EMPTY = "200 without a body"
    ALTERED = "an answer that does not match its checksum"

    # Odd pages of a list.
    END_EMPTY = "LastEvaluatedKey is {}"
    END_NULL = "LastEvaluatedKey is null"
    EMPTY_PAGE = "an empty page before the first one"
    STUCK = "an empty page that is followed by itself"


# What networks and services do every day.
USUAL = (Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.THROTTLE, Fault.FAIL_BEFORE, Fault.FAIL_AFTER,
         Fault.DELAY)  # fmt: skip

NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
REFUSALS = {
    Fault.THROTTLE: (400, "ProvisionedThroughputExceededException"),
    Fault.FAIL_BEFORE: (500, "InternalServerError"),
    Fault.CONFLICT: (400, "TransactionConflictException"),
    Fault.REPLICATED: (400, "ReplicatedWriteConflictException"),
    Fault.LIMIT: (400, "LimitExceededException"),
    Fault.NOT_FOUND: (400, "ResourceNotFoundException"),
}
STRANGE = {Fault.TIMEOUT: (408, b""), Fault.TOO_MANY: (429, b""), Fault.BUSY: (503, b"<html>busy")}


class Call:
    def __init__(self, operation, body, headers):
        self.operation = operation
        self.body = json.loads(body)
        self.headers = headers
        item = self.body.get("Item") or self.body.get("Key") or {}
        values = self.body.get("ExpressionAttributeValues", {})
        self.pk = (item.get("pk") or values.get(":pk") or {}).get("S", "")
        self.sk = item.get("sk", {}).get("S")
        self.answer = None

    def writes_message(self):
        return self.operation == "PutItem" and self.pk.startswith("MSG#")

    def writes_group(self):
        return self.operation == "PutItem" and self.pk.startswith("GRP#")


class DynamoProxy:
    def __init__(self, target_port, delay_s=2.0):
        self.target_port = target_port
        self.delay_s = delay_s
        self.plan = lambda call: None
        self.before = lambda call: None
        self.after = lambda call: None
        self.calls = []
        self.lock = threading.Lock()
        self.open = set()
        self.stopping = threading.Event()
        proxy = self

        class Handler(RequestHandler):
            owner = proxy

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def reset(self):
        self.plan = lambda call: None
        self.before = lambda call: None
        self.after = lambda call: None
        with self.lock:
            self.calls = []

    def wait(self, seconds):
        """Returns early when the proxy closes."""
        self.stopping.wait(seconds)

    def close(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            connections = list(self.open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """A client that goes away is no error here."""


class RequestHandler(http.server.BaseHTTPRequestHandler):
    owner = None
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.upstream = http.client.HTTPConnection("127.0.0.1", self.owner.target_port, timeout=60)
        with self.owner.lock:
            self.owner.open.add(self.connection)

    def finish(self):
        self.upstream.close()
        with self.owner.lock:
            self.owner.open.discard(self.connection)
        super().finish()

    def log_message(self, *unused):  # pylint: disable=arguments-differ
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = Call(self.headers["X-Amz-Target"].partition(".")[2], body, self.headers)
        with self.owner.lock:
            self.owner.calls.append(call)
            fault = self.owner.plan(call)
        if fault is Fault.DROP_BEFORE:
            self.drop()
        elif fault in REFUSALS:
            self.fail(*REFUSALS[fault])
        elif fault in STRANGE:
            self.respond(*STRANGE[fault], {"Content-Type": "text/html"})
        elif fault is Fault.HANG:
            self.owner.wait(60)
            self.drop()
        else:
            self.forward(call, body, fault)

    def forward(self, call, body, fault):
        if fault is Fault.DELAY:
            self.owner.wait(random.random() * self.owner.delay_s)
        self.owner.before(call)
        status, answer, headers = self.ask(body)
        call.answer = status, answer
        self.owner.after(call)
        if fault is Fault.DROP_AFTER:
            self.drop()
        elif fault is Fault.FAIL_AFTER:
            self.fail(500, "InternalServerError")
        elif fault in (Fault.END_EMPTY, Fault.END_NULL, Fault.EMPTY_PAGE, Fault.STUCK):
            self.respond(status, odd_page(call, answer, fault), headers={})
        else:
            self.damage(status, answer, headers, fault)

    def damage(self, status, answer, headers, fault):
        half = answer[: len(answer) // 2]
        if fault is Fault.RESET:
            self.respond(status, answer, headers)
            self.reset()
        elif fault is Fault.CUT_LENGTH:
            self.raw(f"Content-Length: {len(answer)}", half)
        elif fault is Fault.CUT_CLOSE:
            self.raw("Connection: close", half)
        elif fault is Fault.CUT_CHUNK:
            self.raw("Transfer-Encoding: chunked", f"{len(answer) + 9:x}\r\n".encode() + answer)
        elif fault is Fault.DRIP:
            self.raw(f"Content-Length: {len(answer)}", *(bytes([byte]) for byte in answer))
        elif fault is Fault.HTML:
            self.respond(200, b"<html>please log in</html>", {"Content-Type": "text/html"})
        elif fault is Fault.EMPTY:
            self.respond(200, b"", {})
        elif fault is Fault.ALTERED:
            self.respond(status, b'{"Items":[]}', {"x-amz-crc32": headers["x-amz-crc32"]})
        else:
            self.respond(status, answer, headers)

    def raw(self, header, *parts):
        """A 200 as it is told; several parts come half a second apart. Then the connection closes."""
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode())
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
            if len(parts) > 1:
                self.owner.wait(0.5)
        self.drop()

    def reset(self):
        """Once the client has all of it, so that nothing but the reset is lost."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while struct.unpack("i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4)))[0]:
            self.owner.wait(0.001)
        self.close_connection = True
        os.close(self.connection.detach())

    def ask(self, body):
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("host", "connection", "content-length")}
        headers["Host"] = self.headers["Host"]
        for _ in range(2):  # a kept connection may have ended
            try:
                self.upstream.request("POST", self.path, body, headers)
                response = self.upstream.getresponse()
                return response.status, response.read(), response.headers
            except (http.client.RemoteDisconnected, ConnectionError):
                self.upstream.close()
        raise ConnectionError("DynamoDB does not answer")

    def respond(self, status, body, headers):
        self.send_response_only(status)
        for name in ("Content-Type", "x-amzn-RequestId", "x-amz-crc32"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status, kind):
        body = json.dumps({"__type": NAMESPACE + kind, "message": "a fault of the test"}).encode()
        self.respond(status, body, {"Content-Type": "application/x-amz-json-1.0"})

    def drop(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def odd_page(call, answer, fault):
    """The answer as a page with an odd end, or an empty one in its place."""
    page = json.loads(answer)
    if call.operation not in ("Query", "Scan", "ListTables"):
        return answer
    last = "LastEvaluatedTableName" if call.operation == "ListTables" else "LastEvaluatedKey"
    if fault is Fault.END_EMPTY:
        page[last] = "" if call.operation == "ListTables" else {}
    elif fault is Fault.END_NULL:
        page[last] = None
    elif fault is Fault.STUCK and call.operation != "Query":
        page[last] = "aaa" if call.operation == "ListTables" else {"pk": {"S": "1"}, "sk": {"S": "1"}}
    elif fault is Fault.STUCK or "ExclusiveStartKey" not in call.body:
        key = {"pk": {"S": call.pk}, "sk": {"S": "9"}}  # later than every time
        page = {"Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": key}
    return json.dumps(page).encode()


def random_faults(seed, share, kinds=USUAL):
    """A plan in which `share` of the requests meet a fault, each kind as often; it counts them."""
    generator = random.Random(seed)

    def plan(_):
        if generator.random() >= share:
            return None
        fault = generator.choice(kinds)
        plan.counts[fault] += 1
        return fault

    plan.counts = collections.Counter()
    return plan
