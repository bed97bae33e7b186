"""`cruddur sync rollback`: pages come back with what they point to, or not at all."""

import json
import os
import signal
import subprocess

import pytest

from harness.site import Site, hashed


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def ship(site, text, *names, keep=3, strict=True):
    """A build of one page that points to files of those names, and nothing else."""
    site.empty()
    for name in names:
        site.write(name, f"{name} of {text}")
    links = "".join(f'<img src="/{name}">' for name in names)
    site.write("index.html", f"<h1>{text}</h1>{links}")
    done = site.sync("--yes", "--max-delete", "100%", "--keep-releases", str(keep))
    assert done.returncode == 0, done.stderr + done.stdout
    if strict:
        site.check_strict()
    return done


def page(site):
    return site.s3.objects["index.html"].data.decode().split("</h1>")[0].removeprefix("<h1>")


def rollback(site, *arguments, code=0):
    done = site.sync("rollback", "--yes", *arguments)
    assert done.returncode == code, done.stderr + done.stdout
    site.check_strict()
    return done


def test_files_that_were_deleted_since_come_back(site):
    ship(site, "first", "old.png", "LICENSE")
    before = dict(site.s3.objects["old.png"].headers)
    ship(site, "second", "new.png")
    assert site.s3.keys() == {"index.html", "new.png"}
    for _ in range(2):  # and once more after the way forward
        site.cdn.warm()
        rollback(site)
        assert page(site) == "first"
        assert site.s3.objects["old.png"].data == b"old.png of first"
        assert site.s3.objects["LICENSE"].data == b"LICENSE of first"
        assert site.s3.objects["old.png"].headers["content-type"] == before["content-type"]
        assert site.s3.objects["old.png"].headers["cache-control"] == before["cache-control"]
        assert "new.png" in site.s3.objects  # somebody may have the other page open
        assert not site.dangling and not site.cdn.stale()
        ship(site, "second", "new.png")
        assert site.s3.keys() == {"index.html", "new.png"}


def test_files_that_changed_since_stay_as_they_are(site):
    ship(site, "first", "logo.png")
    ship(site, "second", "logo.png")
    rollback(site)
    assert page(site) == "first" and site.s3.objects["logo.png"].data == b"logo.png of second"
    assert "nothing to do" in rollback(site, "1").stdout
    site.s3.calls.clear()
    ship(site, "second", "logo.png")  # nothing but the page has to be written
    assert not any(call.method == "PUT" and call.key == "logo.png" for call in site.s3.calls)


def test_files_of_a_run_that_was_killed_at_its_deletions_come_back(site):
    ship(site, "first", "old.png")
    process = None

    def kill(call):
        if process and call.method == "POST":
            os.kill(process.pid, signal.SIGKILL)

    site.empty()
    site.write("index.html", "<h1>second</h1>")
    site.s3.after = kill  # the objects are deleted, the manifest is not written
    process = site.start("--yes")
    process.communicate(timeout=60)
    site.s3.after = site._check_links
    assert process.returncode == -signal.SIGKILL and "old.png" not in site.s3.objects
    site.deploy()
    rollback(site)
    assert page(site) == "first" and site.s3.objects["old.png"].data == b"old.png of first"


def test_copies_go_with_the_releases_that_need_them(site):
    ship(site, "first", "old.png")
    for number in range(5):
        ship(site, f"later {number}")
    copies = [item.data for key, item in site.s3.objects.items() if key.startswith(".cruddur/pages/")]
    assert b"old.png of first" not in copies and len(copies) == 3
    assert rollback(site, "1", code=4).stderr


@pytest.mark.parametrize("another", [False, True])
def test_a_rollback_to_pages_without_their_assets_is_refused(site, another):
    asset = hashed("main", b"1", "js")
    ship(site, "first", asset)
    ship(site, "second")
    assert asset in site.s3.objects
    del site.s3.objects[asset]
    if another:  # the manifest has forgotten it
        ship(site, "third")
    site.s3.calls.clear()
    done = rollback(site, "1", code=4)
    assert asset in done.stderr and "ship that build again" in done.stderr
    assert {call.method for call in site.s3.calls} <= {"GET", "HEAD"}


def test_a_file_that_somebody_else_deleted_is_named(site):
    ship(site, "first", "old.png")
    del site.s3.objects["old.png"]
    ship(site, "second")
    done = rollback(site)
    assert "old.png is gone from the bucket, and no copy of it is kept" in done.stderr
    assert page(site) == "first"


def test_pages_are_copied_when_they_go_not_when_they_come(site):
    ship(site, "first", "a.png")
    assert not any(key.startswith(".cruddur/pages/") for key in site.s3.objects)
    site.s3.calls.clear()
    ship(site, "second", "a.png")
    copies = [call for call in site.s3.calls if "x-amz-copy-source" in call.headers]
    assert [call.headers["x-amz-copy-source"] for call in copies] == ["/build.test/index.html"]
    assert copies[0].headers["x-amz-copy-source-if-match"]


def test_pages_of_a_run_that_was_killed_after_them_come_back(site):
    ship(site, "first")
    process = None

    def kill(call):
        if process and call.method == "PUT" and call.key == "index.html":
            os.kill(process.pid, signal.SIGKILL)

    site.write("index.html", "<h1>second</h1>")
    site.s3.after = kill  # the page is overwritten, nothing is written down
    process = site.start("--yes")
    process.communicate(timeout=60)
    site.s3.after = site._check_links
    assert process.returncode == -signal.SIGKILL and page(site) == "second"
    ship(site, "third")
    rollback(site)
    assert page(site) == "first"


def test_under_kms_releases_come_back_as_well(site):
    site.s3.kms = True
    ship(site, "first", "old.png")
    (site.folder / "sync.conf").write_text("[*.html]\ncache-control = no-store\n")
    ship(site, "first", "old.png")  # headers alone: a copy, whose ETag is no checksum
    ship(site, "second")
    rollback(site)
    assert page(site) == "first" and site.s3.objects["old.png"].data == b"old.png of first"
    assert site.s3.objects["index.html"].headers["cache-control"] == "no-store"


def test_what_somebody_else_wrote_is_no_release(site):
    ship(site, "first")
    site.s3.put("index.html", b"<h1>by hand</h1>", {"content-type": "text/html"})
    ship(site, "second")
    assert "ship that build again" in rollback(site, code=4).stderr
    ship(site, "third")
    rollback(site)
    assert page(site) == "second"


@pytest.mark.parametrize("data", [None, b"<h1>by hand</h1>"])
def test_a_page_that_goes_while_it_is_kept_does_not_stop_a_deploy(site, data):
    ship(site, "first")

    def meddle(call):
        if "x-amz-copy-source" in call.headers:
            del site.s3.objects["index.html"]
            if data:
                site.s3.put("index.html", data)

    site.s3.before = meddle
    if data:  # that is not to be lost
        site.empty()
        site.write("index.html", "<h1>second</h1>")
        done = site.sync("--yes")
        assert done.returncode == 7 and "changed by somebody else" in done.stderr
        assert page(site) == "by hand"
        site.s3.before = None
    done = ship(site, "second", strict=False)
    assert bool(data) or "no copy of it is kept" in done.stderr
    assert page(site) == "second"


def test_a_page_without_its_copy_is_refused(site):
    ship(site, "first")
    ship(site, "second")
    for key in [key for key in site.s3.objects if key.startswith(".cruddur/pages/")]:
        del site.s3.objects[key]
    assert "index.html" in rollback(site, code=4).stderr
    assert page(site) == "second"


@pytest.mark.parametrize("text", [b"", b"[]", b'{"pages":[],"files":[]}', b'{"pages":1}',
                                  b'{"assets":[],"files":[],"pages":[["index.html","x",1]]}',
                                  b'{"assets":[],"files":[],"pages":[["a",1]]}',
                                  b'{"assets":[[1]],"files":[],"pages":[]}'])
def test_a_damaged_list_is_refused(site, text):
    ship(site, "first")
    ship(site, "second")
    site.s3.put(".cruddur/releases/1.json", text)
    assert "cannot be read" in rollback(site, code=4).stderr
    assert page(site) == "second"


def test_the_release_before_is_what_was_served_before(site):
    for text in ("first", "second", "bad"):
        ship(site, text)
    for text, served in (("", "second"), ("bad as well", "second"), ("", "first")):
        if text:
            ship(site, text, keep=9)
        rollback(site, "--keep-releases", "9")
        assert page(site) == served
    rollback(site, code=4)


@pytest.mark.parametrize("late", [False, True])
def test_a_rollback_after_an_interrupted_deploy_goes_back_to_what_was_served(site, late):
    for text in ("first", "second", "third"):
        ship(site, text)
    site.write("index.html", "<h1>fourth</h1>")
    site.kill_at(lambda call: call.method == "PUT" and call.key == "index.html", late=late)
    listed = site.sync("releases").stdout
    assert "interrupted: changeset" in listed.splitlines()[-1]
    rollback(site)
    assert page(site) == "third"
    assert "interrupted" not in site.sync("releases").stdout
    rollback(site)
    assert page(site) == "second"


def test_an_interrupted_rollback_is_finished_by_the_next(site):
    for text in ("first", "second", "third"):
        ship(site, text)
    site.kill_at(lambda call: call.method == "PUT" and call.key == "index.html", "rollback", "1")
    rollback(site)
    assert page(site) == "first"


def test_rollbacks_use_up_no_kept_release(site):
    for text in ("first", "second", "third", "fourth"):
        ship(site, text)
    for number in ("3", "2", "1", "4", "2"):
        rollback(site, number)
    for number, text in (("1", "first"), ("2", "second"), ("3", "third"), ("4", "fourth")):
        rollback(site, number)
        assert page(site) == text


def test_the_list_says_what_is_served_what_is_kept_and_who_made_it(site):
    git = ["git", "-C", str(site.folder), "-c", "user.name=Jane Doe", "-c", "user.email=j@example.com"]
    ship(site, "first")
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "Mend the login"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "log", "-1", "--format=%h"], capture_output=True, text=True,
                            check=True).stdout.strip()
    ship(site, "second")
    site.write("index.html", "<h1>third</h1>")
    site.deploy("--message", "By hand \x1b[2J")
    rollback(site, "2")
    releases = json.loads(site.sync("releases", "--json").stdout)
    assert [entry["state"] for entry in releases] == ["kept", "kept", "kept", "served"]
    assert releases[1]["commit"] == commit and releases[1]["author"] == "Jane Doe"
    assert releases[1]["message"] == "Mend the login" and releases[0]["commit"] == ""
    assert releases[3]["commit"] == commit and releases[3]["restored"] == 2
    lines = site.sync("releases").stdout.splitlines()
    assert f"kept    1 objects  {commit}  Jane Doe  Mend the login" in lines[1]
    assert "By hand ?[2J" in lines[2] and "served  pages of release 2 put back" in lines[3]
