"""The proxies that people put in front of a server, each with the least of a configuration.

Debian has all of them. They differ in when they send a body on, in whether they read an answer that
comes before its end, and in what they make of a connection that ends with a reset."""

import os
import pathlib
import socket
import subprocess
import time

from harness import scratch
from harness.balancer import free_ports

START_TIMEOUT = 30

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 512; }}
http {{
    access_log off; client_max_body_size 10m;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    upstream app {{ server 127.0.0.1:{to}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_request_buffering {buffering};
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout client 65s
    timeout server 65s
    timeout connect 5s
    http-reuse aggressive
    retries 0
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    server s 127.0.0.1:{to}
"""
VARNISH = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{to}"; }}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{to}
}}
"""
APACHE = """
ServerRoot {folder}
PidFile {folder}/pid
ServerName x
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
ErrorLog {folder}/log
{user}
ProxyPass / http://127.0.0.1:{to}/ keepalive=On
"""

# By name: the program, its configuration, and how it is started with it.
PROXIES = {
    "nginx": ("/usr/sbin/nginx", NGINX, ["-c", "{file}"]),
    "nginx-streaming": ("/usr/sbin/nginx", NGINX, ["-c", "{file}"]),
    "haproxy": ("/usr/sbin/haproxy", HAPROXY, ["-f", "{file}"]),
    "varnish": (
        "/usr/sbin/varnishd",
        VARNISH,
        ["-F", "-a", "127.0.0.1:{port}", "-f", "{file}", "-n", "{folder}/v", "-s", "malloc,32m"],
    ),
    "caddy": ("/usr/bin/caddy", CADDY, ["run", "--config", "{file}", "--adapter", "caddyfile"]),
    "apache": ("/usr/sbin/apache2", APACHE, ["-f", "{file}", "-D", "FOREGROUND"]),
}


def is_installed(name):
    return pathlib.Path(PROXIES[name][0]).exists()


class Proxy:
    """A proxy of one of these names in front of the server on port `to`."""

    def __init__(self, name, to):
        program, settings, arguments = PROXIES[name]
        self.folder = scratch.make_folder("proxy")
        (self.port,) = free_ports(1)
        root = os.geteuid() == 0
        places = {
            "folder": self.folder,
            "port": self.port,
            "to": to,
            "file": f"{self.folder}/settings",
            "buffering": "off" if name == "nginx-streaming" else "on",
            "user": "User www-data\nGroup www-data" if root else "",
        }
        pathlib.Path(places["file"]).write_text(settings.format(**places))
        os.chmod(self.folder, 0o755)
        self.process = subprocess.Popen(
            [*scratch.dies_with_us(), program, *(word.format(**places) for word in arguments)],
            env={**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder),
                 "XDG_CONFIG_HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        until = time.monotonic() + START_TIMEOUT
        while True:
            assert self.process.poll() is None, "the proxy ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, "the proxy does not listen"
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        scratch.end(self.process, self.folder)
