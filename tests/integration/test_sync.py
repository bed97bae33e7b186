"""`cruddur sync`: plan, headers, order, deletions, invalidation, against strict doubles."""

import hashlib
import json
import os
import pty
import subprocess
import time

import pytest

from harness import memory
from harness.aws_double import Fault
from harness.s3_double import multipart_etag
from harness.server import BINARY
from harness.site import Site, hashed

ODD_NAMES = [
    "a b.txt", "plus+plus.txt", "per%cent.txt", "100%25.txt", "quo\"te's.txt", "til~de.txt",
    "emoji 🎉/ünï.txt", "semi;colon=and&amp.txt", "[id]/{slug}.js", "star*.txt", "back\\slash.txt",
    "q?uestion#hash.txt", "<angle>.txt", ".well-known/assetlinks.json", ".nojekyll", "a.html.bak",
    "x.html.js", "caret^pipe|.txt", "at@colon:.txt", "tab`.txt", "(paren)!,.txt", "$dollar.txt",
]


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def on_a_terminal(command, **options):
    """What a terminal would have shown, and the exit code."""
    master, slave = pty.openpty()
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, **options) as process:
        os.close(slave)
        output = b""
        try:
            while chunk := os.read(master, 65536):
                output += chunk
        except OSError:  # the other side is closed
            pass
    os.close(master)
    return output.decode(), process.returncode


def headers_of(site, key):
    return site.s3.objects[key].headers


def test_a_first_deploy_makes_the_bucket_equal_to_the_build(site):
    site.release(1)
    done = site.deploy()
    assert site.s3.content() == site.files()
    assert "done: " in done.stdout and " uploaded" in done.stdout
    assert not site.dangling
    assert site.cdn.paid == []  # nothing was cached of it
    assert ".cruddur/journal.json" not in site.s3.objects


def test_a_second_run_has_nothing_to_do_and_asks_little(site):
    site.release(1)
    site.deploy()
    site.s3.calls.clear()
    done = site.deploy()
    assert "nothing to do" in done.stdout
    asked = [(call.method, call.key) for call in site.s3.calls]
    lock = ".cruddur/lock.json"
    assert asked == [("GET", lock), ("GET", ""), ("GET", ".cruddur/manifest.json")]


def test_a_change_is_uploaded_and_invalidated(site):
    site.release(1)
    site.deploy()
    site.cdn.warm()
    site.release(2)
    site.deploy()
    assert {key: data for key, data in site.s3.content().items() if key in site.files()} == site.files()
    assert not site.cdn.stale()
    assert not site.dangling
    assert not any("static/" in path for paths in site.cdn.paid for path in paths)


def test_odd_names_come_and_go(site):
    for name in ODD_NAMES:
        site.write(name, f"first {name}")
    site.deploy()
    assert site.s3.content() == site.files()
    assert "a.html.bak" in site.s3.objects and "x.html.js" in site.s3.objects
    site.cdn.warm()
    for name in ODD_NAMES[:-2]:
        site.write(name, f"second {name}")
    for name in ODD_NAMES[-2:]:
        (site.build / name).unlink()
    site.deploy("--max-delete", "100%")
    assert site.s3.content() == site.files()
    assert not site.cdn.stale()


def test_headers_by_kind_of_file(site):
    asset = hashed("main", b"x", "js")
    site.write(asset, b"x")
    site.write("index.html", "<p>")
    site.write("about.html", "<p>")
    site.write("notes.txt", "n")
    site.write("font.woff2", b"f")
    site.write("app.webmanifest", "{}")
    site.write("unknown.zzz", "?")
    site.deploy()
    assert headers_of(site, asset)["content-type"] == "text/javascript; charset=utf-8"
    assert headers_of(site, asset)["cache-control"] == "public, max-age=31536000, immutable"
    for key in ("index.html", "about"):
        assert headers_of(site, key)["content-type"] == "text/html; charset=utf-8"
        assert headers_of(site, key)["cache-control"] == "no-cache"
    assert headers_of(site, "notes.txt")["content-type"] == "text/plain; charset=utf-8"
    assert headers_of(site, "notes.txt")["cache-control"] == "public, max-age=300"
    assert headers_of(site, "font.woff2")["content-type"] == "font/woff2"
    assert headers_of(site, "app.webmanifest")["content-type"] == "application/manifest+json"
    assert headers_of(site, "unknown.zzz")["content-type"] == "application/octet-stream"


def test_headers_alone_are_copied_not_uploaded(site):
    site.release(1)
    site.deploy()
    site.cdn.warm()
    (site.folder / "sync.conf").write_text("[favicon.svg]\ncache-control = no-store\n")
    site.s3.calls.clear()
    site.deploy()
    puts = [call for call in site.s3.calls if call.method == "PUT" and ".cruddur" not in call.path]
    assert [call.key for call in puts] == ["favicon.svg"]
    assert puts[0].headers["x-amz-copy-source"] and not puts[0].body
    assert headers_of(site, "favicon.svg")["cache-control"] == "no-store"
    assert site.cdn.paid == [["/favicon.svg"]]


def test_headers_of_an_object_that_vanishes_are_mended_by_an_upload(site):
    site.release(1)
    site.deploy()
    (site.folder / "sync.conf").write_text("[favicon.svg]\ncache-control = no-store\n")

    def vanish(call):
        if "x-amz-copy-source" in call.headers:
            site.s3.objects.pop("favicon.svg", None)

    site.s3.before = vanish
    assert "1 uploaded" in site.deploy().stdout
    assert headers_of(site, "favicon.svg")["cache-control"] == "no-store"
    assert site.s3.content() == site.files()


def test_headers_that_somebody_else_changed_are_found(site):
    site.release(1)
    site.deploy()
    item = site.s3.objects["favicon.svg"]
    item.headers["cache-control"] = "public, max-age=9"
    item.modified += 10
    site.deploy()
    assert site.actions()["headers"] == {"favicon.svg"}
    assert headers_of(site, "favicon.svg")["cache-control"] == "public, max-age=300"


def test_what_the_gem_uploaded_is_compared_and_its_headers_mended(site):
    site.release(1)
    for key, data in site.files().items():
        site.s3.put(key, data, {"content-type": "text/html"})
    site.deploy()
    counts = site.changeset()["summary"]
    assert counts["create"] == counts["update"] == 0 and counts["headers"] > 0
    assert headers_of(site, "favicon.svg")["content-type"] == "image/svg+xml"


def test_objects_whose_etag_is_no_checksum_go_by_the_one_beside_them(site):
    data = b"big" * 1000
    site.write("ours.bin", data)
    site.write("theirs.bin", data)
    headers = {"content-type": "application/octet-stream", "cache-control": "public, max-age=300"}
    noted = headers | {"x-amz-meta-cruddur-md5": hashlib.md5(data).hexdigest()}
    site.s3.put("ours.bin", data, noted, etag=multipart_etag(data, 1024))
    site.s3.put("theirs.bin", data, headers, etag=multipart_etag(data, 1024))
    site.s3.kms = True
    site.deploy()
    assert site.actions() == {"update": {"theirs.bin"}}  # who knows what it holds
    assert "nothing to do" in site.deploy().stdout
    del site.s3.objects[".cruddur/manifest.json"]  # what is known comes from the object alone
    site.s3.ordered = None
    assert "nothing to do" in site.deploy().stdout


def test_lists_are_read_page_by_page(site):
    site.s3.page = 7
    for number in range(40):
        site.write(f"files/{number}.txt", f"{number}")
    site.deploy()
    assert site.s3.content() == site.files()
    assert "nothing to do" in site.deploy().stdout


def test_pages_come_last_and_deletions_at_the_very_end(site):
    site.release(1)
    site.deploy()
    site.s3.calls.clear()
    site.release(2)
    order = []
    site.s3.before = lambda call: order.append(call)
    site.cdn.before = lambda call: order.append(call)
    site.deploy()
    kinds = []
    for call in order:
        if call.path.startswith("/2020"):
            kinds += ["invalidate"] if call.method == "POST" else []
        elif call.method == "PUT" and ".cruddur" not in call.path:
            page = call.headers["content-type"].startswith("text/html")
            kinds.append("page" if page else "asset" if "static/" in call.path else "rest")
        elif call.method == "POST":
            kinds.append("delete")
    first = {kind: kinds.index(kind) for kind in set(kinds)}
    assert first["asset"] < first["rest"] < first["page"] < first["invalidate"] < first["delete"]
    assert max(i for i, kind in enumerate(kinds) if kind == "asset") < first["rest"]
    assert max(i for i, kind in enumerate(kinds) if kind == "rest") < first["page"]


def test_assets_of_earlier_releases_stay_for_a_while(site):
    site.write("index.html", "<p>")
    names = []
    for number in range(6):
        data = f"release {number}".encode()
        names.append(hashed("main", data, "js"))
        if number:
            (site.build / names[number - 1]).unlink()
        site.write(names[number], data)
        site.write("index.html", f'<script src="/{names[number]}"></script>')
        site.deploy("--keep-releases", "2", "--keep-days", "0")
    assert {key for key in site.s3.keys() if key.startswith("static/")} == set(names[-3:])
    assert not site.dangling


def test_what_the_rules_call_hashed_is_kept_as_well(site):
    (site.folder / "sync.conf").write_text("[lib/*.js]\nhashed = yes\n")
    site.write("index.html", "<p>")
    site.write("lib/app-r1.js", "let one = 1;\n" * 99)
    site.deploy()
    (site.build / "lib/app-r1.js").unlink()
    site.write("lib/app-r2.js", "2")
    site.deploy()
    assert {"lib/app-r1.js", "lib/app-r2.js"} < site.s3.keys()


def test_five_thousand_files_in_little_memory(site):
    for number in range(5000):
        site.write(f"d{number % 40}/file {number}.txt", f"{number}" * 50)
    for _ in range(2):
        peak, code = memory.peak([str(BINARY), "sync", "--yes"], cwd=site.folder,
                                 env=site.settings())
        assert code == 0
        sanitized = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ
        assert sanitized or peak < 30
    assert site.s3.content() == site.files()
    site.check_strict()


def test_the_ignore_list_is_neither_uploaded_nor_deleted(site):
    site.release(1)
    site.write("robots.txt", "local")
    site.s3.put("robots.txt", b"remote")
    site.s3.put("stylesheets/index", b"by hand")
    site.write("error.html", "local")
    site.deploy("--ignore", "robots.txt", "--ignore", "stylesheets/index", "--ignore", "error.html")
    assert site.s3.objects["robots.txt"].data == b"remote"
    assert site.s3.objects["stylesheets/index"].data == b"by hand"
    assert "error" not in site.s3.objects and "error.html" not in site.s3.objects
    assert site.actions()["ignore"] == {"robots.txt", "stylesheets/index", "error"}


def test_a_prefix_never_touches_its_neighbours(site):
    site.s3.put("app2/index.html", b"neighbour")
    site.s3.put("appendix", b"neighbour")
    site.release(1)
    site.write("old.txt", "ours")
    site.deploy("--prefix", "app")
    site.release(1)
    site.deploy("--prefix", "app")
    assert site.s3.objects["app2/index.html"].data == b"neighbour"
    assert site.s3.objects["appendix"].data == b"neighbour"
    assert "app/old.txt" not in site.s3.objects
    assert {key for key in site.s3.keys() if key.startswith("app/")} == {
        f"app/{key}" for key in site.files()}
    assert site.cdn.paid == [["/app/old.txt"]]
    site.deploy()  # the whole bucket: the folder with a sync of its own is left alone
    assert site.s3.objects["app/index.html"].data == site.files()["index.html"]


def test_the_question_is_asked_and_answered(site):
    site.release(1)
    done = site.sync(stdin="no\n")
    assert done.returncode == 3 and "Type: yes or no" in done.stdout
    assert site.s3.keys() == set()
    assert site.sync(stdin="yes\n").returncode == 0
    assert site.s3.content() == site.files()


@pytest.mark.parametrize("arguments", [["--dry-run"], ["plan"]])
def test_a_plan_changes_nothing(site, arguments):
    site.release(1)
    done = site.sync(*arguments)
    assert done.returncode == 3, done.stderr
    assert {call.method for call in site.s3.calls} <= {"GET", "HEAD"}
    assert site.actions()["create"] == set(site.files())
    site.deploy()
    assert site.sync(*arguments).returncode == 0


def test_silent_and_json(site):
    site.release(1)
    site.deploy()
    shown = site.sync("--dry-run").stdout
    assert "no_change index.html" in shown and "no_change: " in shown
    silent = site.sync("--dry-run", "--silent", "ignore,no_change").stdout
    assert "no_change index.html" not in silent and "no_change: " in silent
    site.release(2)
    told = json.loads(site.sync("--dry-run", "--json").stdout)
    assert told["result"] == "pending" and told["exit_code"] == 3 and told["plan"]["update"] > 0


@pytest.mark.parametrize("settings, colours", [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_sees_colours_and_progress(site, settings, colours):
    for number in range(60):
        site.write(f"{number}.txt", "x" * 500)
    site.s3.before = lambda call: time.sleep(0.01)  # so that there is something to watch
    output, code = on_a_terminal([str(BINARY), "sync", "--yes"], cwd=site.folder,
                                 env=site.settings(TERM="xterm", **settings))
    assert code == 0
    assert ("\x1b[32mcreate" in output) == colours
    assert "uploading new files" in output and "MB/s" in output and "s left" in output
    quiet = site.sync("--yes").stderr
    assert "\x1b" not in quiet and "\r" not in quiet


def test_auto_approve_and_sync_env(site):
    site.release(1)
    assert site.sync(SYNC_AUTO_APPROVE="true").returncode == 0
    site.release(2)
    (site.folder / "sync.env").write_text(
        "# settings\nSYNC_AUTO_APPROVE='true'\nSYNC_S3_BUCKET=other\nX=$(touch pwned)\n")
    done = site.sync()
    assert done.returncode == 0, done.stderr  # the environment's bucket wins
    assert not (site.folder / "pwned").exists()
    (site.folder / "sync.env").write_text("just words\n")
    assert site.sync().returncode == 2


@pytest.mark.parametrize("spelling", ["DISTRIBUTION", "DISTRUBTION"])
@pytest.mark.parametrize("file", ["DISTRIBUTION", "DISTRUBTION"])
def test_the_environment_wins_by_either_spelling(site, spelling, file):
    site.write("index.html", "1")
    names = {"SYNC_CLOUDFRONT_DISTRIBUTION_ID": "", "SYNC_CLOUDFRONT_DISTRUBTION_ID": ""}
    names[f"SYNC_CLOUDFRONT_{spelling}_ID"] = "E1ENVIRONMENT"
    (site.folder / "sync.env").write_text(f"SYNC_CLOUDFRONT_{file}_ID=E2FILE\n")
    site.sync("plan", **names)
    assert site.changeset()["distribution"] == "E1ENVIRONMENT"
    del names[f"SYNC_CLOUDFRONT_{spelling}_ID"]
    site.sync("plan", **{name: "" for name in (*names, f"SYNC_CLOUDFRONT_{spelling}_ID")})
    assert site.changeset()["distribution"] == "E2FILE"


def test_relative_paths_are_below_the_folder_one_is_in(site):
    site.release(1)
    done = site.sync("--yes", SYNC_BUILD_DIR="build", SYNC_OUTPUT_CHANGESET_PATH="kept/plan.json")
    assert done.returncode == 0, done.stderr
    assert (site.folder / "kept/plan.json").is_file()
    assert site.s3.content() == site.files()
    site.sync("--yes", SYNC_OUTPUT_CHANGESET_PATH="kept/")
    assert (site.folder / "kept/changeset.json").is_file()


def test_a_changeset_is_applied_from_anywhere(site):
    site.release(1)
    site.sync("plan", SYNC_BUILD_DIR="build")
    plan = str(site.folder / "changeset.json")
    moved = site.build.rename(site.folder / "moved")
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    done = site.sync("apply", plan, "--yes", cwd=elsewhere)
    assert done.returncode == 4 and "no build folder" in done.stderr
    done = site.sync("apply", plan, "--yes", "--build-dir", "../moved", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    moved.rename(site.build)
    assert site.s3.content() == site.files()
    assert site.sync("apply", plan, "--yes", cwd=elsewhere).returncode == 0


@pytest.mark.parametrize("arguments", [["--bucket", "other"], ["--prefix", "app"],
                                       ["--distribution", "E1OTHER"]])
def test_a_changeset_is_not_applied_elsewhere(site, arguments):
    site.release(1)
    site.sync("plan")
    site.s3.calls.clear()
    done = site.sync("apply", "changeset.json", "--yes", *arguments)
    assert done.returncode == 4 and "the changeset is for the" in done.stderr
    assert not site.s3.calls


@pytest.mark.parametrize("member, value", [("bucket", "a/../b"), ("bucket", ""), ("prefix", "app"),
                                           ("prefix", "/x/"), ("distribution", "E1/../E2")])
def test_a_changeset_that_names_no_place_is_refused(site, member, value):
    site.release(1)
    site.sync("plan")
    changeset = site.changeset() | {member: value}
    (site.folder / "changeset.json").write_text(json.dumps(changeset))
    site.s3.calls.clear()
    done = site.sync("apply", "changeset.json", "--yes", SYNC_S3_BUCKET="",
                     SYNC_CLOUDFRONT_DISTRUBTION_ID="")
    assert done.returncode == 4 and "not a changeset" in done.stderr
    assert not site.s3.calls


def test_a_changeset_is_applied_later(site):
    site.release(1)
    site.sync("plan", "--changeset", "kept.json")
    done = site.sync("apply", "kept.json", "--yes")
    assert done.returncode == 0, done.stderr
    assert site.s3.content() == site.files()
    assert site.sync("apply", "kept.json", "--yes").returncode == 0  # done already


@pytest.mark.parametrize("where", ["bucket", "build", "added"])
def test_a_changeset_is_not_applied_where_things_have_changed(site, where):
    site.release(1)
    site.deploy()
    site.release(2)
    site.sync("plan", "--changeset", "kept.json")
    if where == "bucket":
        site.s3.put("index.html", b"somebody else's")
    elif where == "build":
        site.write("index.html", "another")
    else:
        site.write("new.txt", "another")
    site.s3.calls.clear()
    done = site.sync("apply", "kept.json", "--yes")
    assert done.returncode == 4 and "plan again" in done.stderr
    assert {call.method for call in site.s3.calls} <= {"GET", "HEAD"}


def test_rollback_puts_the_pages_back(site):
    site.release(1)
    site.deploy()
    first = site.files()
    site.release(3)  # the unhashed files have the same names: those are not put back
    site.deploy()
    site.cdn.warm()
    done = site.sync("rollback", "--yes")
    assert done.returncode == 0, done.stderr
    site.check_strict()
    pages = {key for key, data in first.items() if data.startswith(b"<h1>")}
    content = site.s3.content()
    assert {key: content[key] for key in pages} == {key: first[key] for key in pages}
    assert not site.dangling and not site.cdn.stale()
    assert "put back" in site.sync("releases").stdout
    site.deploy()  # forward again
    assert site.s3.content()["index.html"] == site.files()["index.html"]
    assert not site.dangling


def test_a_changeset_that_is_applied_again_after_a_rollback_invalidates_again(site):
    site.write("index.html", "first")
    site.deploy()
    site.write("index.html", "second")
    site.sync("plan", "--changeset", "kept.json")
    for step in (["apply", "kept.json"], ["rollback"], ["apply", "kept.json"]):
        site.cdn.warm()
        assert site.sync(*step, "--yes").returncode == 0
        assert not site.cdn.stale()
    assert len(site.cdn.paid) == 3


def test_rollback_without_a_release_is_refused(site):
    site.release(1)
    site.deploy()
    assert site.sync("rollback", "--yes").returncode == 4
    assert site.sync("rollback", "9", "--yes").returncode == 4


def test_many_paths_become_wildcards(site):
    for folder in range(8):
        for number in range(200):
            site.write(f"docs/{folder}/{number}.txt", "1")
    site.write("index.html", "1")
    site.deploy()
    site.cdn.warm()
    for folder in range(8):
        for number in range(200):
            site.write(f"docs/{folder}/{number}.txt", "2")
    site.deploy()
    assert site.cdn.paid == [["/docs/*"]]
    assert not site.cdn.stale()


def test_too_many_invalidations_in_progress_are_waited_for(site):
    site.release(1)
    site.deploy()
    site.release(2)
    site.cdn.busy = 2
    done = site.deploy()
    assert "waiting" in done.stderr
    assert len(site.cdn.paid) >= 1


def test_wait_waits(site):
    site.release(1)
    site.deploy()
    site.cdn.polls = 3
    site.write("favicon.svg", "new")
    site.deploy("--wait")
    assert sum(call.method == "GET" for call in site.cdn.calls) >= 3
    assert all(left == 0 for left in site.cdn.invalidations.values())


@pytest.mark.parametrize("fault", list(Fault))
def test_faults_of_the_moment_are_overcome(site, fault):
    site.release(1)
    site.deploy()
    site.release(2)
    seen = set()

    def once(call):
        kind = (call.method, call.target)
        if kind in seen or (fault is Fault.FAIL_COPY) != ("x-amz-copy-source" in call.headers):
            return None
        seen.add(kind)
        return fault

    site.s3.fault = once
    site.cdn.fault = once if fault is not Fault.FAIL_COPY else None
    site.s3.page = 5
    done = site.sync("--yes")
    assert done.returncode == 0, done.stderr
    site.s3.fault = site.cdn.fault = None
    content = site.s3.content()
    assert {key: content[key] for key in site.files()} == site.files()
    assert "nothing to do" in site.sync("--yes").stdout
    assert not site.dangling
    assert len(site.cdn.paid) <= 2


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"version":2}', b'{"version":1,"releases":1}',
                                  b'{"version":1,"releases":[],"objects":{"a":1},"blobs":{}}',
                                  b'{"version":1,"releases":[{"number":-1}],"objects":{},"blobs":{}}'])
def test_a_damaged_manifest_is_made_anew(site, text):
    site.release(1)
    site.deploy()
    old = {key for key in site.s3.keys() if key.startswith("static/")}
    site.s3.put(".cruddur/manifest.json", text)
    site.release(3)
    done = site.deploy()
    assert "the manifest of earlier syncs cannot be read" in done.stderr
    assert old < site.s3.keys()  # for the tabs that are open
    assert {key: site.s3.objects[key].data for key in site.files()} == site.files()
    assert "nothing to do" in site.deploy().stdout


@pytest.mark.parametrize("text", [b"", b"{", b'{"version":1}',
                                  b'{"version":1,"id":"x","target":"y","changed":["x"],"deleted":[]}',
                                  b'{"version":1,"id":"x","target":"y","changed":["/ x"],"deleted":[]}'])
def test_a_damaged_journal_invalidates_everything(site, text):
    site.release(1)
    site.deploy()
    site.cdn.warm()
    site.s3.put(".cruddur/journal.json", text)
    site.deploy()
    assert site.cdn.paid == [["/*"]]
    assert "nothing to do" in site.deploy().stdout


def test_objects_that_cannot_be_deleted_are_reported(site):
    site.release(1)
    site.deploy()
    for name in ("one.txt", "two.txt", "three.txt"):
        site.write(name, "old")
    site.deploy()
    site.release(1)
    site.s3.delete_errors = {"one.txt": (99, "AccessDenied"), "two.txt": (2, "InternalError")}
    done = site.deploy(code=7)
    assert "one.txt: AccessDenied" in done.stderr
    assert "1 failed" in done.stdout and "2 deleted" in done.stdout
    assert "two.txt" not in site.s3.objects and "three.txt" not in site.s3.objects
    site.s3.delete_errors = {}
    site.deploy()
    assert site.s3.content() == site.files()


def test_more_than_a_thousand_deletions(site):
    site.release(1)
    site.deploy()
    for number in range(2100):
        site.s3.put(f"old/{number}", b"x")
    site.deploy("--max-delete", "2100")
    assert site.s3.content() == site.files()


def test_an_upload_that_is_refused_leaves_the_pages_alone(site):
    site.release(1)
    site.deploy()
    before = site.s3.objects["index.html"].data
    site.release(2)
    site.s3.fault = lambda call: None
    denied = {}

    def deny(call):
        if call.method == "PUT" and "static/" in call.path:
            denied[call.path] = True
            call.headers["x-amz-content-sha256"] = "0" * 64

    site.s3.before = deny
    done = site.sync("--yes")
    assert done.returncode == 7 and denied
    assert site.s3.objects["index.html"].data == before
    site.s3.before = None
    site.s3.refusals.clear()
    site.deploy()
    content = site.s3.content()
    assert {key: content[key] for key in site.files()} == site.files()
    assert not site.dangling
