"""A Unix socket before a private Postgres that cuts a connection right behind a COMMIT of the client's.

    cut = Cut(cluster, came_through)   # came_through() is waited for before the connection is cut
    cut.url("database")
    cut.close()

The COMMIT reaches Postgres and its answer reaches nobody. Later connections go through.
"""

import os
import socket
import threading
import time
import urllib.parse

from harness import scratch
from harness.gate import SOCKET


class Cut:
    def __init__(self, cluster, came_through):
        self.target = os.path.join(cluster.folder, SOCKET)
        self.came_through = came_through
        self.is_due = True
        self.folder = scratch.make_folder("cut")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, SOCKET))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database):
        host = urllib.parse.quote(self.folder, safe="")
        return f"postgresql://postgres@{host}:5432/{database}"

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            state = {"silent": False}
            for source, drain, ours in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, drain, ours, state), daemon=True).start()

    def _pump(self, source, drain, from_client, state):
        try:
            while data := source.recv(65536):
                if from_client and self.is_due and b"COMMIT;" in data:
                    self.is_due = False
                    state["silent"] = True
                    drain.sendall(data)
                    while not self.came_through():
                        time.sleep(0.02)
                    break
                if from_client or not state["silent"]:
                    drain.sendall(data)
        except OSError:
            pass
        for end in (source, drain):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
