"""nginx that serves one file, and the same compressed beforehand, with the headers that the server
sends: as fast as these bytes can be served on this machine."""

import gzip
import os
import pathlib
import shutil
import socket
import subprocess
import time

from server import free_port

START_TIMEOUT_S = 10
OWN_HEADERS = {"server", "date", "content-type", "content-length", "connection", "keep-alive"}
OWN_HEADERS |= {"content-encoding", "transfer-encoding", "etag", "last-modified", "vary"}

CONFIGURATION = """
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 10000; }}
http {{
  client_body_temp_path {folder}/nginx-1;
  proxy_temp_path {folder}/nginx-2;
  fastcgi_temp_path {folder}/nginx-3;
  uwsgi_temp_path {folder}/nginx-4;
  scgi_temp_path {folder}/nginx-5;
  access_log /dev/null;
  sendfile on;
  keepalive_requests 1000000000;
  open_file_cache max=16;
  server {{
    listen 127.0.0.1:{port};
    location = {path} {{
      alias {folder}/body.json;
      default_type application/json;
      gzip_static on;
      {headers}
    }}
  }}
}}
"""


class Nginx:
    """Serves at url() what another server answered: `body` and the headers of `answer`."""

    def __init__(self, folder, workers, path, answer, body):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.path = path
        (self.folder / "body.json").write_bytes(body)
        (self.folder / "body.json.gz").write_bytes(gzip.compress(body, 6))
        headers = [
            f'add_header {name} "{value}";'
            for name, value in answer.getheaders()
            if name.lower() not in OWN_HEADERS and '"' not in value and "$" not in value
        ]
        self.configuration = self.folder / "nginx.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                user="user root;" if os.geteuid() == 0 else "",
                workers=workers,
                folder=self.folder,
                port=self.port,
                path=path.partition("?")[0],
                headers="\n      ".join(headers),
            ),
            encoding="utf-8",
        )

    def __enter__(self):
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [nginx, "-p", str(self.folder), "-c", str(self.configuration)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("nginx did not start") from None
                time.sleep(0.01)

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(10)

    def url(self):
        return f"http://127.0.0.1:{self.port}{self.path}"
