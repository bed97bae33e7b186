"""Debian's pgpool-II before a private cluster, with its default settings."""

import os
import pathlib
import pwd
import subprocess
import time
import urllib.parse

import psycopg2

from harness import scratch
from harness.balancer import free_ports

BINARY = "/usr/sbin/pgpool"
PORT = 9999  # only the name of the socket file: the folder is private

SETTINGS = """
listen_addresses = ''
port = {port}
socket_dir = '{folder}'
pcp_listen_addresses = '127.0.0.1'
pcp_port = {pcp_port}
pcp_socket_dir = '{folder}'
backend_clustering_mode = 'raw'
backend_hostname0 = '{cluster}'
backend_port0 = 5432
pid_file_name = '{folder}/pgpool.pid'
logdir = '{folder}'
work_dir = '{folder}'
sr_check_period = 0
"""


class Pgpool:
    def __init__(self, cluster):
        self.folder = scratch.make_folder("pgpool")
        os.chmod(self.folder, 0o755)
        text = SETTINGS.format(
            folder=self.folder, cluster=cluster.folder, port=PORT, pcp_port=free_ports(1)[0]
        )
        for name in ("pgpool.conf", "pcp.conf", "pool_hba.conf", "pool_passwd"):
            pathlib.Path(self.folder, name).write_text(text if name == "pgpool.conf" else "")
        if os.geteuid() == 0:
            self._give_to("postgres")
        with open(os.path.join(self.folder, "output"), "wb") as output:
            self.process = subprocess.Popen(
                [*scratch.dies_with_us("INT", user="postgres"), BINARY, "-n",
                 "-f", f"{self.folder}/pgpool.conf", "-F", f"{self.folder}/pcp.conf",
                 "-a", f"{self.folder}/pool_hba.conf"],
                cwd=self.folder, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.wait_until_ready()

    def _give_to(self, user):
        entry = pwd.getpwnam(user)
        os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        for name in os.listdir(self.folder):
            os.chown(os.path.join(self.folder, name), entry.pw_uid, entry.pw_gid)

    def url(self, database):
        host = urllib.parse.quote(self.folder, safe="")
        return f"postgresql://postgres@{host}:{PORT}/{database}"

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg2.connect(self.url("postgres")).close()
                return
            except psycopg2.OperationalError:
                assert self.process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)

    def log(self):
        return pathlib.Path(self.folder, "output").read_text(errors="replace")

    def stop(self):
        """SIGINT: its fast shutdown, which does not wait for clients."""
        self.process.send_signal(2)
        scratch.end(self.process, self.folder)
