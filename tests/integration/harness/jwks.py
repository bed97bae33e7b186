"""The pool's JWKS endpoint, with every way to misbehave."""

import http.server
import json
import threading


class JwksServer:
    """Serves `keys`; `mode` is ok, error, garbage, empty, huge or hang. `fetches` counts requests,
    `headers` are those of the last."""

    def __init__(self, keys):
        self.keys = list(keys)
        self.mode = "ok"
        self.fetches = 0
        self.headers = None
        self.fetched = threading.Condition()
        self.release = threading.Event()
        self._start(0)

    def _start(self, port):
        jwks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                jwks.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/pool/.well-known/jwks.json"

    def document(self):
        return json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()

    def answer(self, handler):
        with self.fetched:
            self.fetches += 1
            self.headers = handler.headers
            self.fetched.notify_all()
        if self.mode == "hang":
            self.release.wait(60)
            return
        body = {
            "ok": self.document,
            "error": lambda: b'{"message":"internal"}',
            "garbage": lambda: b"<html>\xff not keys at all",
            "empty": lambda: b'{"keys":[]}',
            "huge": lambda: b'{"keys":[' + b'{"kty":"RSA"},' * 2_000_000 + b"{}]}",
        }[self.mode]()
        try:
            handler.send_response(500 if self.mode == "error" else 200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass

    def wait_for_fetches(self, count, timeout=30):
        with self.fetched:
            assert self.fetched.wait_for(lambda: self.fetches >= count, timeout), (
                f"{self.fetches} fetches of the JWKS, expected {count}"
            )

    def go_down(self):
        """Refuses connections from now on."""
        self.http.shutdown()
        self.http.server_close()

    def come_back(self):
        self._start(self.port)

    def close(self):
        self.release.set()
        self.go_down()
