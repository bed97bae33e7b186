"""What the doubles of S3 and CloudFront share: a threaded HTTP server that reads requests whole,
checks their signatures, lets a test inject faults, and tells of each request.

    double.fault = lambda call: Fault.RESET if … else None
    double.before = lambda call: …   # runs before the request is done
    double.after = lambda call: …    # runs after it was done, before the answer goes out
"""

import enum
import http.server
import socket
import struct
import threading
import time
import urllib.parse

from harness import sigv4_check


class Fault(enum.Enum):
    SLOW_DOWN = "503 SlowDown, nothing was done"
    FAIL = "500 InternalError, nothing was done"
    RESET_BEFORE = "the connection is reset, nothing was done"
    RESET_AFTER = "it is done, then the connection is reset"
    CUT = "it is done, the answer ends in the middle of its length"
    CUT_OPEN = "it is done, the answer ends in the middle without a length"
    FAIL_COPY = "200 with an error in the body, nothing was done"


class Call:
    def __init__(self, handler, body):
        self.method = handler.command
        self.target = handler.path
        self.headers = {name.lower(): value.strip() for name, value in handler.headers.items()}
        self.raw_path, _, raw_query = handler.path.partition("?")
        self.path = urllib.parse.unquote(self.raw_path)
        self.key = self.path[1:].partition("/")[2]  # of a bucket of S3
        self.query = dict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True))
        self.body = body
        self.ours = self.headers.get("user-agent", "").startswith("cruddur/")


class Answer:
    def __init__(self, status, body=b"", headers=None):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = headers or {}


class Refused(Exception):
    """`defect`: whoever sent that made a mistake."""

    def __init__(self, status, code, message="", defect=True):
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.defect = status, code, message, defect


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Double:
    """Answers on 127.0.0.1 and a random port until close()."""

    service = None
    region = "ca-central-1"
    key, secret, token = "AKIDDOUBLE", "secret-of-the-doubles", None

    def __init__(self):
        self.fault = self.before = self.after = None
        self.calls = []
        self.shift = 0  # seconds that the service's clock is ahead
        self.refusals = []  # what of ours was not as AWS wants it
        self.lock = threading.RLock()
        self.server = _Server(("127.0.0.1", 0), self._handler())
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, call):
        raise NotImplementedError

    def now(self):
        return time.time() + self.shift

    def verify(self, call):
        try:
            sigv4_check.check(call.method, call.target, call.headers, call.body, self.service,
                              self.region, self.key, self.secret, self.token,
                              unsigned_payload=not call.ours)
        except sigv4_check.BadSignature as error:
            raise Refused(403, "SignatureDoesNotMatch", str(error)) from error

    def handle(self, call):
        with self.lock:
            self.calls.append(call)
            if self.before:
                self.before(call)
            fault = self.fault(call) if self.fault else None
            try:
                self.verify(call)
                if fault is Fault.SLOW_DOWN:
                    return Answer(503, *self.refusal_body("SlowDown", "slow down")), None
                if fault is Fault.FAIL:
                    return Answer(500, *self.refusal_body("InternalError", "again")), None
                if fault is Fault.FAIL_COPY:
                    return Answer(200, *self.refusal_body("InternalError", "again")), None
                if fault is Fault.RESET_BEFORE:
                    return None, fault
                answer = self.answer(call)
            except Refused as refused:
                if call.ours and refused.defect and refused.status != 404:
                    self.refusals.append((call, refused))
                answer = Answer(refused.status,
                                *self.refusal_body(refused.code, refused.message))
            if self.after:
                self.after(call)
            return answer, fault

    def refusal_body(self, code, message):
        raise NotImplementedError

    def _handler(double):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 65536

            def log_message(self, *arguments):
                pass

            def _reset(self):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()

            def _write(self, answer, fault):
                body = b"" if self.command == "HEAD" else answer.body
                self.send_response_only(answer.status)
                self.send_header("Date", self.date_time_string(double.now()))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if fault is Fault.CUT_OPEN:
                    self.send_header("Connection", "close")
                elif "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                cut = fault in (Fault.CUT, Fault.CUT_OPEN)
                self.wfile.write(body[: len(body) // 2] if cut else body)
                self.wfile.flush()
                if cut:
                    self.close_connection = True

            def _serve(self):
                if self.headers.get("Expect", "").lower() == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                    self.wfile.flush()
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    return
                answer, fault = double.handle(Call(self, body))
                if answer is None or fault is Fault.RESET_AFTER:
                    self._reset()
                else:
                    self._write(answer, fault)

            def handle_expect_100(self):
                return True

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

        return Handler
