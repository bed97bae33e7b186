"""`cruddur sync` killed at any point: one more run finishes it, its invalidations included, and no
page that is served ever points nowhere."""

import os
import random
import signal

import pytest

from harness.site import Site

ROUNDS = 100
AGES = ("--keep-days", "0")  # else the 101 releases of these minutes are more than are remembered


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


class Killer:
    """Kills the process at a number of its requests, before or after the request was done."""

    def __init__(self, site):
        self.site, self.process, self.left, self.late = site, None, None, False
        check = site.s3.after
        for double in (site.s3, site.cdn):
            double.before = lambda call: self._count(False)
            double.after = lambda call: (check(call), self._count(True))

    def _count(self, late):
        if self.left is None or late != self.late:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(self.process.pid, signal.SIGKILL)
            self.left = None

    def run(self, left, late, *verb):
        self.left, self.late = None, late
        self.process = self.site.start(*verb, "--yes", "--jobs", "4")
        self.left = left
        self.process.communicate(timeout=60)
        self.left = None
        return self.process.returncode


def count_requests(site):
    before = len(site.s3.calls) + len(site.cdn.calls)
    site.deploy()
    return len(site.s3.calls) + len(site.cdn.calls) - before


def test_a_hundred_kills(site):
    chance = random.Random(20230520)
    killer = Killer(site)
    site.release(0)
    site.deploy(*AGES)
    site.cdn.warm()
    site.release(1)
    total = count_requests(site)
    killed = 0
    for number in range(2, ROUNDS + 2):
        site.cdn.warm()  # the edges hold everything as it is
        known = dict(site.s3.objects)
        site.release(number)
        killed += killer.run(chance.randint(1, total), chance.random() < 0.5, *AGES) == -signal.SIGKILL
        site.cdn.cache.update(  # and somebody asks in between for what is there now
            {path: (key, site.s3.objects[key].etag) for path, (key, etag) in site.cdn.cache.items()
             if key in site.s3.objects and key not in known})
        site.deploy(*AGES)
        wanted, content = site.files(), site.s3.content()
        assert {key: content.get(key) for key in wanted} == wanted
        assert all(key.startswith("static/") for key in content if key not in wanted)
        assert not site.cdn.stale(), (number, site.cdn.stale())
        assert not site.dangling, (number, site.dangling[:3])
        assert ".cruddur/journal.json" not in site.s3.objects
        assert "nothing to do" in site.deploy(*AGES).stdout
    assert killed >= ROUNDS * 9 // 10


def test_killed_rollbacks(site):
    chance = random.Random(20230521)
    killer = Killer(site)
    site.release(0)
    site.deploy()
    first = {key: data for key, data in site.files().items() if data.startswith(b"<h1>")}
    killed = 0
    for number in range(1, 21):
        site.release(2 * number)
        site.deploy("--keep-releases", "50", "--max-delete", "100%")
        site.cdn.warm()
        killed += killer.run(chance.randint(1, 20), chance.random() < 0.5, "rollback", "1",
                             "--keep-releases", "50") == -signal.SIGKILL
        done = site.sync("rollback", "1", "--yes", "--keep-releases", "50")
        assert done.returncode == 0, done.stderr
        site.check_strict()
        content = site.s3.content()
        assert {key: content.get(key) for key in first} == first
        assert not site.cdn.stale() and not site.dangling
        assert ".cruddur/journal.json" not in site.s3.objects
    assert killed >= 15


def test_a_run_that_was_killed_before_its_invalidation_does_not_pay_twice(site):
    site.release(0)
    site.deploy()
    site.release(2)
    site.cdn.warm()
    site.cdn.fault = lambda call: None
    process = None

    def kill(call):
        if process and call.path.startswith("/2020") and call.method == "POST":
            os.kill(process.pid, signal.SIGKILL)

    site.cdn.after = kill  # the invalidation was created, its answer never came
    process = site.start("--yes")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    site.cdn.after = None
    paid = len(site.cdn.paid)
    site.deploy()
    assert site.cdn.paid[:paid].count(site.cdn.paid[0]) == 1
    assert not any(paths == site.cdn.paid[0] for paths in site.cdn.paid[1:])
    assert not site.cdn.stale()


def test_another_build_after_a_kill_invalidates_what_the_killed_run_uploaded(site):
    site.release(0)
    site.deploy()
    site.cdn.warm()
    site.write("favicon.svg", "of the run that is killed")
    process = None

    def kill(call):
        if process and call.path.startswith("/2020") and call.method == "POST":
            os.kill(process.pid, signal.SIGKILL)

    site.cdn.before = kill
    process = site.start("--yes")
    process.communicate(timeout=60)
    site.cdn.before = None
    site.write("index.html", "another build")  # favicon.svg is no change any more
    done = site.sync("--dry-run")
    assert "cut off" in done.stdout
    site.deploy()
    assert "/favicon.svg" in site.cdn.paid[-1] and "/index.html" in site.cdn.paid[-1]
    assert not site.cdn.stale()
