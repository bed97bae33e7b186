"""A Unix socket before a private Postgres that lets connections through one by one.

    gate = Gate(cluster)      # whoever connects waits
    gate.let(2)               # two of them go on; those who gave up are not counted
    gate.cut()                # they are cut off
    gate.open()               # from now on everybody goes on at once
    gate.freeze()             # nothing passes any more, and no connection is cut
"""

import contextlib
import os
import select
import socket
import threading
import urllib.parse

from harness import scratch

SOCKET = ".s.PGSQL.5432"
POLLRDHUP = 0x2000


class Gate:
    def __init__(self, cluster):
        self.target = os.path.join(cluster.folder, SOCKET)
        self.folder = scratch.make_folder("gate")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, SOCKET))
        self.listener.listen(64)
        self.permits = 0
        self.is_open = False
        self.waiting = 0
        self.passed = 0
        self.peers = []  # who went on
        self.changed = threading.Condition()
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database, user="postgres"):
        host = urllib.parse.quote(self.folder, safe="")
        return f"postgresql://{user}@{host}:5432/{database}"

    def let(self, number=1):
        with self.changed:
            self.permits += number
            self.changed.notify_all()

    def open(self):
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def shut(self):
        with self.changed:
            self.is_open = False
            self.permits = 0

    def freeze(self):
        self.flows.clear()

    def remove(self):
        """Who connects from now on is refused."""
        os.unlink(os.path.join(self.folder, SOCKET))

    def cut(self):
        """Ends the connections of all who went on, as a network that breaks."""
        with self.changed:
            for peer in self.peers:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
            self.peers.clear()

    def wait_for_waiting(self, number, timeout=30):
        """Waits until so many stand before the gate."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting >= number, timeout), self.waiting

    def wait_for_passed(self, number, timeout=30):
        """Waits until so many have gone on since the gate was made."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.passed >= number, timeout), self.passed

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        if not self._pass(peer):
            peer.close()
            return
        backend = socket.socket(socket.AF_UNIX)
        try:
            backend.connect(self.target)
        except OSError:
            peer.close()
            return
        threading.Thread(target=pump, args=(backend, peer, self.flows), daemon=True).start()
        pump(peer, backend, self.flows)

    def _pass(self, peer):
        """Waits for a permit; False when the peer gave up before."""
        with self.changed:
            self.waiting += 1
            self.changed.notify_all()
            try:
                while not self.is_open and not self.permits:
                    if gone(peer):
                        return False
                    self.changed.wait(0.05)
                if gone(peer):
                    return False
                if not self.is_open:
                    self.permits -= 1
                self.passed += 1
                self.peers.append(peer)
                self.changed.notify_all()
                return True
            finally:
                self.waiting -= 1


def gone(peer):
    poll = select.poll()
    poll.register(peer, POLLRDHUP)
    return bool(poll.poll(0))


def pump(source, sink, flows):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            flows.wait()
            sink.sendall(data)
    except OSError:
        pass
    for one in (source, sink):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
