"""Only one `cruddur sync` changes a bucket at a time; what a frozen, interrupted or outrun one does."""

import json
import os
import shutil
import signal
import subprocess
import threading

import pytest

from harness.aws_double import Fault
from harness.boot_clock import BootClock
from harness.server import BINARY
from harness.site import TIMEOUT, Site

LOCK = ".cruddur/lock.json"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def lock_of(site):
    return json.loads(site.s3.objects[LOCK].data)


def lock_of_another_host(site, age=0, **changes):
    owner = {"host": "elsewhere", "process": 7, "id": "0" * 32, "machine": "another", "started": 1,
             "since": 1700000000, **changes}
    note = {"version": 1, "counter": 5, "probed": True, "conditional_writes": True, "owner": owner}
    site.s3.put(LOCK, json.dumps(note).encode(), modified=site.s3.now() - age)


class Frozen:
    """A run that is stopped by SIGSTOP at its request of that number, before or after it was done."""

    def __init__(self, site, number, late, *arguments, **changes):
        self.site, self.left, self.late = site, number, late
        self.is_frozen = threading.Event()
        self.process = None
        check = site.s3.after
        for double in (site.s3, site.cdn):
            double.before = lambda call: self._count(False)
            double.after = lambda call: (check(call), self._count(True))
        with site.s3.lock, site.cdn.lock:
            self.process = site.start("--yes", "--jobs", "1", *arguments, **changes)
        threading.Thread(target=self._wait, daemon=True).start()
        self.is_frozen.wait(TIMEOUT)
        site.s3.before = site.cdn.before = site.cdn.after = None
        site.s3.after = check

    def _count(self, late):
        if late == self.late and not self.is_frozen.is_set():
            self.left -= 1
            if self.left == 0:
                os.kill(self.process.pid, signal.SIGSTOP)
                self.is_frozen.set()

    def _wait(self):
        self.process.wait()
        self.is_frozen.set()

    def thaw(self):
        """How it ends when it may go on: exit code, standard error."""
        self.process.send_signal(signal.SIGCONT)
        _, error = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, error


def test_a_finished_run_leaves_the_lock_without_an_owner(site):
    site.release(1)
    seen = []
    site.s3.before = lambda call: seen.append(lock_of(site)["owner"]) if call.key == "index.html" else 0
    site.deploy()
    assert seen[0]["host"] and seen[0]["process"] > 0 and len(seen[0]["id"]) == 32
    note = lock_of(site)
    assert note["owner"] is None and note["conditional_writes"] and note["probed"]
    site.write("favicon.svg", "new")
    site.deploy()
    assert lock_of(site)["counter"] > note["counter"]
    puts = [call for call in site.s3.calls if call.method == "PUT" and call.key == LOCK]
    assert sum("if-none-match" in call.headers for call in puts) == 2  # created, and probed once
    assert all("if-match" in call.headers for call in puts[2:])
    assert not any(call.method in ("DELETE", "POST") and LOCK in getattr(call, "keys", [call.key])
                   for call in site.s3.calls)


def test_a_failed_run_leaves_the_lock_without_an_owner(site):
    site.write("index.html", "1")
    site.write("gone.txt", "1")
    site.deploy()
    (site.build / "gone.txt").unlink()
    site.s3.delete_errors = {"gone.txt": (99, "AccessDenied")}
    assert site.sync("--yes").returncode == 7
    assert lock_of(site)["owner"] is None


def test_a_run_that_began_meanwhile_is_noticed(site):
    """Another run takes and ends while this one reads the bucket: it reads everything again."""
    site.release(1)
    site.deploy()
    site.release(2)
    first = Frozen(site, 3, True)  # it has read the manifest
    site.deploy()
    code, _ = first.thaw()
    assert code == 0 and not site.dangling
    lists = [call for call in site.s3.calls if call.method == "GET" and call.key == ""]
    assert len(lists) == 4  # each deploy once, and this one twice
    assert site.sync("releases").stdout.count("objects") == 2


def test_the_second_of_two_runs_is_told_who_is_first(site):
    site.release(1)
    site.deploy()
    site.release(2)
    first = Frozen(site, 12, True)
    before = site.s3.content()
    done = site.sync("--yes")
    assert done.returncode == 5, done.stderr
    assert f"process {first.process.pid}" in done.stderr and "--lock-wait" in done.stderr
    plan = site.sync("plan")
    assert "is syncing this bucket right now" in plan.stdout and "cut off" not in plan.stdout
    assert site.s3.content() == before
    assert first.thaw()[0] == 0
    assert "nothing to do" in site.deploy().stdout


def test_lock_wait_waits_for_the_first(site):
    site.release(1)
    site.deploy()
    site.release(2)
    first = Frozen(site, 12, True)
    looks = threading.Semaphore(0)
    site.s3.before = lambda call: looks.release() if call.key == LOCK else None
    second = site.start("--yes", "--lock-wait", "600")
    for _ in range(2):
        looks.acquire(timeout=TIMEOUT)
    site.s3.before = None
    assert first.thaw()[0] == 0
    output, error = second.communicate(timeout=TIMEOUT)
    assert second.returncode == 0 and "waiting for" in error
    assert "nothing to do" in output and not site.dangling


@pytest.mark.parametrize("age, code", [(0, 5), (45, 5), (62, 0)])
def test_a_lock_is_stale_by_the_clock_of_the_store(site, age, code):
    site.release(1)
    site.s3.shift = 86400 * 365  # this host's clock is a year behind
    lock_of_another_host(site, age)
    done = site.sync("--yes")
    assert done.returncode == code, done.stderr
    if code:
        assert "elsewhere (process 7" in done.stderr and not site.s3.keys()
    else:
        assert site.s3.content() == site.files()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"owner":3}', b'{"owner":null}'])
def test_a_damaged_lock_is_somebodys_for_a_minute(site, text):
    site.release(1)
    site.s3.put(LOCK, text)
    assert site.sync("--yes").returncode == 5
    site.s3.shift = 62
    site.deploy()
    assert lock_of(site)["conditional_writes"]


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.CUT, Fault.CUT_OPEN, Fault.SLOW_DOWN,
                                   Fault.FAIL])
def test_lost_answers_of_the_lock_are_recognised(site, fault):
    site.release(1)
    site.deploy()
    for number in range(2, 4):
        site.release(number)
        site.s3.conflicts = 1
        seen = set()

        def once(call):
            kind = (call.method, call.key, call.headers.get("if-match"))
            if call.path.endswith(LOCK) and kind not in seen:
                seen.add(kind)
                return fault
            return None

        site.s3.fault = once
        assert site.sync("--yes").returncode == 0
        site.s3.fault = None
        assert lock_of(site)["owner"] is None
        del site.s3.objects[LOCK]


@pytest.mark.parametrize("kind", ["ignored", "unknown"])
def test_a_store_without_conditions_has_no_lock(site, kind):
    site.s3.conditions = kind
    for number in range(2):
        site.release(number)
        site.s3.calls.clear()
        done = site.deploy()
        assert "has no conditional writes" in done.stderr
        assert not any("if-match" in call.headers or "if-none-match" in call.headers
                       for call in site.s3.calls if call.key != LOCK)
    if kind == "ignored":  # it was found out once
        assert not any("if-none-match" in call.headers for call in site.s3.calls)


def test_a_renewal_raises_the_counter(site):
    """The invalidation does not end before the lock was renewed, which happens after ten seconds."""
    site.release(1)
    site.deploy()
    counters, renewed = [], threading.Event()

    def watch(call):
        if call.method == "PUT" and call.path.endswith(LOCK):
            counters.append(json.loads(call.body)["counter"])
            if len(counters) > 1:
                renewed.set()

    site.cdn.polls = 10**6
    site.s3.before = watch
    site.write("favicon.svg", "new")
    process = site.start("--yes", "--wait")
    assert renewed.wait(TIMEOUT)
    site.cdn.invalidations = {name: 0 for name in site.cdn.invalidations}
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and len(counters) > 2 and counters == sorted(set(counters))


@pytest.mark.parametrize("late", [False, True])
def test_a_frozen_run_changes_nothing_after_another_took_its_lock(site, tmp_path, late):
    clock = BootClock(tmp_path)
    site.release(0)
    site.deploy()
    codes = []
    for number in range(1, 60):
        clock.set_ahead(0)
        site.cdn.warm()
        site.release(2 * number)
        ours = site.folder / "ours"
        shutil.rmtree(ours, ignore_errors=True)
        shutil.copytree(site.build, ours)
        content_of_ours = site.files()
        first = Frozen(site, number, late, SYNC_BUILD_DIR=str(ours),
                       SYNC_OUTPUT_CHANGESET_PATH=str(site.folder / "ours.json"), **clock.environment)
        if first.process.poll() is not None:
            assert first.thaw()[0] == 0
            break
        site.release(2 * number + 1)
        site.s3.shift += 61
        site.deploy("--keep-days", "0")
        clock.set_ahead(61)
        code, error = first.thaw()
        codes.append(code)
        assert code in (0, 7), error
        assert code == 0 or "sync again" in error, error
        content = site.s3.content()
        wanted = content_of_ours if content["index.html"] == content_of_ours["index.html"] else site.files()
        assert {key: content.get(key) for key in wanted} == wanted, (number, code, error)
        assert all(key.startswith("static/") for key in content if key not in wanted), (number, code)
        assert not site.dangling and not site.cdn.stale(), (number, site.dangling[:3])
        assert ".cruddur/journal.json" not in site.s3.objects
        assert lock_of(site)["owner"] is None
        site.deploy("--keep-days", "0")
    assert codes.count(7) > 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_in_order(site, number):
    site.write("index.html", "1")
    for file in range(50):
        site.write(f"f{file}.txt", f"{file}")
    left, process = 10, None

    def interrupt(call):
        nonlocal left
        if process and call.method == "PUT" and call.key != LOCK:
            left -= 1
            if left == 0:
                process.send_signal(number)

    site.s3.after = interrupt
    with site.s3.lock:
        process = site.start("--yes", "--jobs", "2", "--silent", "create")
    output, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 7, error
    assert "no page was changed yet; run it again" in output and "interrupted by a signal" in error
    assert "failed:" not in error and len(site.s3.keys()) < 20
    assert lock_of(site)["owner"] is None
    site.s3.after = None
    assert "cut off" in site.deploy().stdout
    assert site.s3.content() == site.files()


def test_what_changes_while_the_question_waits_is_not_overwritten(site):
    site.write("index.html", "1")
    site.deploy()
    site.write("index.html", "2")
    process = subprocess.Popen([str(BINARY), "sync"], cwd=site.folder, env=site.settings(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    shown = b""
    while b"yes or no\n>" not in shown:
        shown += process.stdout.read1()
    assert lock_of(site)["owner"] is None  # nobody waits for a person who thinks
    site.s3.put("index.html", b"by hand", {"content-type": "text/html"})
    _, error = process.communicate(b"yes\n", timeout=TIMEOUT)
    assert process.returncode == 4 and b"sync again" in error
    assert site.s3.objects["index.html"].data == b"by hand"


@pytest.mark.parametrize("key", ["index.html", "new.txt"])
def test_what_changes_after_the_plan_is_not_overwritten(site, key):
    site.write("index.html", "1")
    site.deploy()
    site.write("index.html", "2")
    site.write("new.txt", "1")

    def meddle(call):
        if call.method == "PUT" and call.key == key:
            site.s3.put(key, b"by hand")

    site.s3.before = meddle
    done = site.sync("--yes")
    site.s3.before = None
    assert done.returncode == 7 and "changed by somebody else" in done.stderr
    assert site.s3.objects[key].data == b"by hand"


def test_what_is_deleted_after_the_plan_is_written_all_the_same(site):
    site.write("index.html", "1")
    site.deploy()
    site.write("index.html", "2")

    def meddle(call):
        if call.method == "PUT" and call.key == "index.html":
            site.s3.objects.pop("index.html", None)

    site.s3.before = meddle
    site.deploy()
    assert site.s3.objects["index.html"].data == b"2"


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.CUT])
def test_an_upload_whose_answer_was_lost_counts(site, fault):
    site.release(1)
    site.deploy()
    site.release(2)
    seen = set()

    def once(call):
        if call.method == "PUT" and ".cruddur" not in call.path and call.path not in seen:
            seen.add(call.path)
            return fault
        return None

    site.s3.fault = once
    assert site.sync("--yes").returncode == 0
    content = site.s3.content()
    assert seen and {key: content[key] for key in site.files()} == site.files()
