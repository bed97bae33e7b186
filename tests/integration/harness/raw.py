"""HTTP over a bare socket: byte-exact requests, pipelines, half-sent requests, floods."""

import select
import socket
import time

from harness.answer import Answer

TIMEOUT = 30


class RawConnection:
    def __init__(self, port, timeout=TIMEOUT, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves without a goodbye: the peer sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def send_quietly(self, data):
        """Sends what the peer takes; True when it took all."""
        try:
            self.send(data)
            return True
        except OSError:
            return False

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _receive(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def readable(self, seconds):
        return bool(self.received) or bool(select.select([self.socket], [], [], seconds)[0])

    def closed_by_peer(self, timeout=TIMEOUT):
        """Reads until the peer closes; True when it did within `timeout`."""
        self.socket.settimeout(timeout)
        try:
            while self._receive():
                pass
            return True
        except socket.timeout:
            return False

    def trickle_until_closed(self, data, pause, limit):
        """Sends `data` byte by byte, a `pause` between; True when the peer hung up before `limit` s."""
        until = time.monotonic() + limit
        for byte in data:
            if time.monotonic() > until:
                return False
            if select.select([self.socket], [], [], pause)[0] and not self._receive():
                return True
            if not self.send_quietly(bytes([byte])):
                return True
        return self.closed_by_peer(max(0.1, until - time.monotonic()))

    def read_answer(self, method="GET"):
        """The next answer, or None when the peer closed before one began."""
        while b"\r\n\r\n" not in self.received:
            if not self._receive():
                assert self.received == b"", f"the answer ends in its head: {self.received[:200]!r}"
                return None
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        answer = Answer.from_head(head)
        if answer.status == 100:
            return answer
        length = int(answer.header("Content-Length", "0"))
        assert answer.header("Transfer-Encoding") is None, "the server does not need chunks"
        if method == "HEAD" or answer.status in (204, 304):
            length = 0
        while len(self.received) < length:
            assert self._receive(), "the answer's body ends early"
        answer.body, self.received = self.received[:length], self.received[length:]
        return answer

    def ask(self, request, method="GET"):
        self.send(request)
        return self.read_answer(method)


def get(path, **headers):
    return request("GET", path, **headers)


def request(method, path, body=b"", **headers):
    """The bytes of a request; header names are given with _ for -."""
    lines = [f"{method} {path} HTTP/1.1", "Host: api.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
