"""A small site, its bucket, its distribution, and `cruddur sync` run over them."""

import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess

from harness.cloudfront_double import CloudFrontDouble
from harness.s3_double import S3Double
from harness.server import BINARY, DEFECTS, environment

LINK = re.compile(rb'(?:href|src)="/([^"]*)"')
TIMEOUT = 300


def hashed(stem, data, ending):
    return f"static/{ending}/{stem}.{hashlib.sha256(data).hexdigest()[:7]}a1.{ending}"


class Site:
    """A build folder that `release()` fills as a bundler would; pages link to what they need."""

    def __init__(self, folder, s3=None, distribution=True):
        self.folder = pathlib.Path(folder)
        self.build = self.folder / "build"
        self.build.mkdir(parents=True)
        self.s3 = s3 or S3Double()
        self.cdn = CloudFrontDouble(self.s3) if distribution else None
        self.dangling = []
        self.s3.after = self._check_links

    def close(self):
        self.s3.close()
        if self.cdn:
            self.cdn.close()

    # The build.

    def write(self, path, data):
        target = self.build / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)

    def empty(self):
        for path in sorted(self.build.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def release(self, number, pages=3, assets=6):
        """A whole new build: new names for the assets, new pages, and some of the rest changes."""
        self.empty()
        links = []
        for index in range(assets):
            data = f"asset {index} of {number if index % 2 else 0}".encode()
            name = hashed(f"chunk{index}", data, "js" if index % 3 else "css")
            self.write(name, data)
            links.append(f'<script src="/{name}"></script>')
        rest = ["favicon.svg", f"img/hero {number % 2}.png", "manifest.json"]
        for name in rest:
            self.write(name, f"{name} in {number // 2}")
            links.append(f'<img src="/{name}">')
        names = ["index"] + [f"page{(number + index) % (pages + 2)}" for index in range(pages)]
        links += [f'<a href="/{name}">{name}</a>' for name in names if name != "index"]
        for name in names:
            self.write(f"{name}.html", f"<h1>{name} {number}</h1>" + "".join(links))

    def files(self, strip=True):
        """What the bucket should hold: key → bytes."""
        result = {}
        for path in self.build.rglob("*"):
            if path.is_file():
                key = path.relative_to(self.build).as_posix()
                if strip and key != "index.html" and key.endswith(".html"):
                    key = key[: -len(".html")]
                result[key] = path.read_bytes()
        return result

    # What is served.

    def _links_of(self, key):
        return {link.decode() for link in LINK.findall(self.s3.objects[key].data)}

    def _check_links(self, call):
        """No page that a visitor can reach points to what is not there."""
        if call.method in ("GET", "HEAD") or "index.html" not in self.s3.objects:
            return
        keys = self.s3.keys()
        seen, ahead = set(), {"index.html"} & keys
        while ahead:  # everything that a visitor can reach
            key = ahead.pop()
            seen.add(key)
            if not self.s3.objects[key].headers.get("content-type", "").startswith("text/html"):
                continue
            links = self._links_of(key)
            if links - keys:
                self.dangling.append((call.method, call.path, key, links - keys))
            ahead |= links & keys - seen

    # The command.

    def settings(self, **changes):
        double = self.s3
        result = {
            "AWS_ACCESS_KEY_ID": double.key,
            "AWS_SECRET_ACCESS_KEY": double.secret,
            "AWS_DEFAULT_REGION": double.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_S3": double.url,
            "SYNC_S3_BUCKET": double.bucket,
            "SYNC_BUILD_DIR": str(self.build),
            "HOME": str(self.folder),
        }
        if self.cdn:
            result["AWS_ENDPOINT_URL_CLOUDFRONT"] = self.cdn.url
            result["SYNC_CLOUDFRONT_DISTRUBTION_ID"] = self.cdn.distribution
        result.update(changes)
        return environment(**result)

    def start(self, *arguments, **changes):
        return subprocess.Popen([str(BINARY), "sync", *arguments], cwd=self.folder,
                                env=self.settings(**changes), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def sync(self, *arguments, stdin="", cwd=None, **changes):
        done = subprocess.run([str(BINARY), "sync", *arguments], cwd=cwd or self.folder,
                              env=self.settings(**changes), input=stdin, capture_output=True,
                              text=True, timeout=TIMEOUT, check=False)
        assert not DEFECTS.search(done.stderr), done.stderr
        assert self.s3.secret not in done.stdout + done.stderr
        return done

    def kill_at(self, fits, *verb, late=True, double=None):
        """Kills `sync --yes` at its first request that fits, before or after it was done."""
        double, process = double or self.s3, None
        before, after = double.before, double.after

        def kill(call):
            if process and process.poll() is None and fits(call):
                os.kill(process.pid, signal.SIGKILL)

        if late:
            double.after = kill
        else:
            double.before = kill
        with double.lock:
            process = self.start(*verb, "--yes")
        process.communicate(timeout=TIMEOUT)
        double.before, double.after = before, after
        assert process.returncode == -signal.SIGKILL

    def deploy(self, *arguments, code=0, **changes):
        """`sync --yes`, which must end with that code and leave no refusal behind."""
        done = self.sync("--yes", *arguments, **changes)
        assert done.returncode == code, done.stderr + done.stdout
        assert code or "NoSuch" not in done.stderr, done.stderr
        self.check_strict()
        return done

    def check_strict(self):
        assert not self.s3.refusals, self.s3.refusals
        assert not self.cdn or not self.cdn.refusals, self.cdn.refusals

    def changeset(self):
        return json.loads((self.folder / "changeset.json").read_text())

    def actions(self):
        """action → keys of the changeset that was written last."""
        result = {}
        for change in self.changeset()["changes"]:
            result.setdefault(change["action"], set()).add(change["key"])
        return result


def age(path, seconds=10):
    """Makes a file look older than it is."""
    status = os.stat(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))
