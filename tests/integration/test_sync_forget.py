"""`cruddur sync forget`: nothing is left of what was published by mistake."""

import json

import pytest

from harness.aws_double import Refused
from harness.site import Site

LEAK = b"alice,+1 555 0100\n"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def leak(site):
    """A file that was published in two releases, and its content under another name as well."""
    site.write("index.html", "1")
    site.write("users.csv", LEAK)
    site.write("copy of users.csv", LEAK)
    site.write("draft.html", "<p>draft")
    site.deploy()
    site.cdn.warm()
    site.write("index.html", "2")
    (site.build / "copy of users.csv").unlink()
    site.deploy()
    for name in ("users.csv", "draft.html"):
        (site.build / name).unlink()
    site.deploy()


def where(site, data):
    return {key for key, item in site.s3.objects.items() if data in item.data}


def forget(site, *arguments, code=0):
    done = site.sync("forget", "--yes", *arguments)
    assert done.returncode == code, done.stderr + done.stdout
    return done


@pytest.mark.parametrize("path", ["users.csv", "/users.csv"])
def test_every_copy_goes_and_who_loses_it_is_named(site, path):
    leak(site)
    assert where(site, LEAK) and where(site, b"users.csv")
    shown = site.sync("forget", path, "--dry-run")
    assert shown.returncode == 3 and where(site, LEAK)
    site.cdn.warm()
    done = forget(site, path)
    site.check_strict()
    assert "release 1 loses users.csv" in done.stdout and "release 2 loses users.csv" in done.stdout
    assert "release 1 loses copy of users.csv as well" in done.stdout
    assert where(site, LEAK) == set()
    assert all(b'"users.csv"' not in site.s3.objects[key].data for key in where(site, b"users.csv"))
    assert site.cdn.paid[-1] == ["/users.csv"]
    assert ".cruddur/journal.json" not in site.s3.objects
    assert site.sync("rollback", "2", "--yes").returncode == 0
    assert "users.csv" not in site.s3.objects and site.s3.objects["draft"].data == b"<p>draft"
    assert "nothing to do" in forget_again(site)


def forget_again(site):
    site.deploy()
    return site.deploy().stdout


def test_pages_are_named_by_file_or_key(site):
    leak(site)
    forget(site, "draft.html", "users.csv")
    assert not where(site, b"<p>draft") and not where(site, LEAK)
    assert site.cdn.paid[-1] == ["/draft", "/users.csv"]


def test_what_is_served_goes_as_well(site):
    site.write("index.html", "1")
    site.write("users.csv", LEAK)
    site.deploy()
    site.cdn.warm()
    forget(site, "users.csv")
    assert not where(site, LEAK) and not site.cdn.stale()


def test_an_unknown_path_is_refused(site):
    leak(site)
    done = forget(site, "users.csv", "nobody.txt", code=4)
    assert "nobody.txt" in done.stderr and where(site, LEAK)
    assert site.sync("forget").returncode == 2


@pytest.mark.parametrize("page", [1000, 1])
def test_old_versions_go(site, page):
    site.s3.versions = {}
    leak(site)
    site.s3.page = 1000
    assert any(data == LEAK for versions in site.s3.versions.values() for _, data in versions)
    answer = site.s3.answer

    def paged(call):
        site.s3.page = page if "versions" in call.query else 1000
        return answer(call)

    site.s3.answer = paged
    forget(site, "users.csv")
    assert not any(data == LEAK for key, versions in site.s3.versions.items() for _, data in versions
                   if key != "copy of users.csv")
    assert not site.s3.versions["users.csv"]


@pytest.mark.parametrize("right, fits", [
    ("s3:ListBucketVersions", lambda call: "versions" in call.query),
    ("s3:DeleteObjectVersion", lambda call: "versionId" in call.query)])
def test_a_missing_right_is_named(site, right, fits):
    site.s3.versions = {}
    leak(site)
    answer = site.s3.answer

    def deny(call):
        if fits(call):
            raise Refused(403, "AccessDenied", "Access Denied", defect=False)
        return answer(call)

    site.s3.answer = deny
    done = forget(site, "users.csv", code=7)
    assert right in done.stderr and not where(site, LEAK)
    site.s3.answer = answer
    assert json.loads(site.s3.objects[".cruddur/lock.json"].data)["owner"] is None


def test_a_run_that_was_cut_off_comes_first(site):
    leak(site)
    site.write("index.html", "3")
    site.kill_at(lambda call: call.method == "PUT" and call.key == "index.html")
    assert "finish it first" in forget(site, "users.csv", code=4).stderr


def test_a_forgetting_that_was_killed_is_finished(site):
    leak(site)
    site.cdn.warm()
    site.kill_at(lambda call: call.method == "POST", "forget", "users.csv")
    assert not site.s3.objects.keys() & where(site, LEAK)
    site.deploy()  # pays the invalidation
    assert ["/users.csv"] in site.cdn.paid
