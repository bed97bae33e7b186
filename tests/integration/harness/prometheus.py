"""Prometheus itself, with the shipped rules, and pages of metrics with faults for it to scrape."""

import http.server
import json
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import yaml

from harness import PROJECT, scratch

OBSERVABILITY = PROJECT / "deploy" / "observability"
WINDOW = "10s"  # in place of the minutes of the rules
INTERVAL = "500ms"
TIMEOUT = 120


def quick_rules():
    """The shipped rules with seconds for minutes, and no time for which they must hold."""
    text = (OBSERVABILITY / "alerts.yaml").read_text()
    rules = yaml.safe_load(re.sub(r"\[\d+m\]", f"[{WINDOW}]", text))
    for rule in rules["groups"][0]["rules"]:
        rule.pop("for", None)
    return rules


class SickPages:
    """Serves a page of metrics at /NAME, changed by `faults[NAME]`: a list of rules (pattern, value).
    Samples whose names match get value(old, seconds since the start); a page whose faults are None is
    answered 500. Without faults the page never changes."""

    def __init__(self, page, faults):
        self.page, self.faults = page, faults
        self.begin = time.monotonic()
        pages = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = pages.text(self.path.lstrip("/"))
                self.send_response(500 if text is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write((text or "").encode())

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def text(self, name):
        faults = self.faults.get(name, [])
        if faults is None:
            return None
        seconds = time.monotonic() - self.begin
        lines = []
        for line in self.page.splitlines():
            sample, _, value = line.rpartition(" ")
            for pattern, change in faults:
                if not line.startswith("#") and re.search(pattern, sample):
                    value = change(float(value), seconds)
            lines.append(f"{sample} {value}" if sample else line)
        return "\n".join(lines) + "\n"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Prometheus:
    """`targets` are (instance, address, path)."""

    def __init__(self, port, targets):
        self.folder = scratch.make_folder("prometheus")
        self.url = f"http://127.0.0.1:{port}"
        statics = [
            {"targets": [address], "labels": {"instance": instance, "__metrics_path__": path}}
            for instance, address, path in targets
        ]
        self._write("alerts.yaml", quick_rules())
        self._write(
            "prometheus.yaml",
            {
                "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL,
                           "scrape_timeout": INTERVAL},
                "rule_files": ["alerts.yaml"],
                "scrape_configs": [{"job_name": "cruddur", "static_configs": statics}],
            },
        )  # fmt: skip
        self.process = subprocess.Popen(
            [
                *scratch.dies_with_us(),
                "prometheus",
                f"--config.file={self.folder}/prometheus.yaml",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            stdin=subprocess.DEVNULL,
        )

    def _write(self, name, content):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.ask("/api/v1/query", query=expression)["result"]

    def firing(self):
        """{(alert, instance)} of what fires now; no summary may be broken."""
        alerts = self.ask("/api/v1/alerts")["alerts"]
        for alert in alerts:
            assert "error expanding" not in alert["annotations"]["summary"], alert
        return {
            (alert["labels"]["alertname"], alert["labels"].get("instance"))
            for alert in alerts
            if alert["state"] == "firing"
        }

    def wait_for(self, wanted):
        """Waits until all of `wanted` fire."""
        deadline = time.monotonic() + TIMEOUT
        missing = set(wanted)
        while missing:
            assert time.monotonic() < deadline and self.process.poll() is None, missing
            time.sleep(0.2)
            try:
                missing -= self.firing()
            except OSError:
                continue  # it starts

    def close(self):
        scratch.end(self.process, self.folder)
