"""Thousands of connections at once, by epoll: each sends a request and reads its answer.

    with Crowd(port, 5000) as crowd:
        statuses = crowd.ask(get("/api/activities/home"))   # a Counter; "lost": it broke instead
"""

import collections
import resource
import select
import socket
import time

TIMEOUT = 120  # seconds in which all must have their answer


def raise_file_limit():
    """As many open files as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Crowd:
    def __init__(self, port, number):
        self.sockets = {}
        self.epoll = select.epoll()
        for _ in range(number):
            peer = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
            peer.setblocking(False)
            self.sockets[peer.fileno()] = peer
            self.epoll.register(peer, select.EPOLLIN)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.epoll.close()
        for peer in self.sockets.values():
            peer.close()

    def ask(self, request):
        """Each connection sends `request` and waits for its answer, in one round."""
        received = {number: b"" for number in self.sockets}
        statuses = collections.Counter()
        for peer in self.sockets.values():
            peer.send(request)  # shorter than a socket's buffer: it is taken whole
        until = time.monotonic() + TIMEOUT
        while received:
            assert time.monotonic() < until, f"{len(received)} are not answered; {statuses}"
            for number, _ in self.epoll.poll(1):
                status = self._receive(number, received)
                if status:
                    statuses[status] += 1
        return statuses

    def _receive(self, number, received):
        """Reads what came; the status once the answer is whole."""
        try:
            data = self.sockets[number].recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            self.epoll.unregister(number)
            received.pop(number, None)
            return "lost"
        received[number] += data
        status = whole_answer(received[number])
        if status:
            del received[number]
        return status


def whole_answer(data):
    """The status of an answer that has come whole, else None."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head.split(b" ", 2)[1]) if len(body) >= length else None
