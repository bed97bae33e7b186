"""Debian's nginx before several servers, as a balancer that nobody tells of a restart.

It finds out by itself, request by request: a refused connection is tried at the next server, as nginx
always does; a POST that was sent is never sent again, so that the server alone can keep it from harm.
Connections to the servers are kept and used again."""

import os
import pathlib
import socket
import subprocess
import time

from harness import scratch

BINARY = "/usr/sbin/nginx"

SETTINGS = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 2;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    upstream servers {{
        {servers}
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://servers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


def free_ports(number):
    """Ports that were free just now; all at once, so that they differ."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Balancer:
    def __init__(self, ports):
        """`ports` of the servers on this machine."""
        self.folder = scratch.make_folder("nginx")
        self.port = free_ports(1)[0]
        # max_fails=0: a server that was restarted is asked again at once, not after ten seconds.
        servers = "\n".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
        file = pathlib.Path(self.folder, "nginx.conf")
        file.write_text(
            SETTINGS.format(
                folder=self.folder, port=self.port, servers=servers,
                user="user root;" if os.geteuid() == 0 else "",
            )
        )  # fmt: skip
        self.process = subprocess.Popen(
            [*scratch.dies_with_us("TERM"), BINARY, "-e", f"{self.folder}/error.log", "-p", self.folder, "-c", str(file)],
            start_new_session=True,
        )
        self._wait_until_listening()

    def _wait_until_listening(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)

    def failures(self):
        """What nginx could not mend: a refused connection it tries elsewhere."""
        return [line for line in self.log().splitlines() if "connect() failed" not in line]

    def log(self):
        file = pathlib.Path(self.folder, "error.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self):
        scratch.end(self.process, self.folder)
