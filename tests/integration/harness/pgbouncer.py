"""Debian's PgBouncer before a private cluster, in transaction mode unless told otherwise."""

import os
import pathlib
import pwd
import subprocess
import time
import urllib.parse

import psycopg2

from harness import scratch

BINARY = "/usr/sbin/pgbouncer"
PORT = 6432  # only the name of the socket file: the folder is private

SETTINGS = """
[databases]
* = host={cluster} port=5432 user=postgres

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 100
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


class PgBouncer:
    def __init__(self, cluster, pool_size=2, mode="transaction"):
        self.folder = scratch.make_folder("bouncer")
        os.chmod(self.folder, 0o755)
        file = pathlib.Path(self.folder, "pgbouncer.ini")
        file.write_text(
            SETTINGS.format(
                cluster=cluster.folder, port=PORT, folder=self.folder, size=pool_size, mode=mode
            )
        )
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        prefix = scratch.dies_with_us(user="postgres")  # PgBouncer refuses root, as Postgres does
        self.process = subprocess.Popen(
            [*prefix, BINARY, "-q", str(file)], cwd=self.folder, start_new_session=True
        )
        self.wait_until_ready()

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
        file = pathlib.Path(self.folder, "pgbouncer.log")
        return file.read_text() if file.exists() else ""

    def stop(self):
        scratch.end(self.process, self.folder)
