"""What operators expect of `cruddur sync`: what it leaves out, what it shows, how it stores."""

import json
import os
import subprocess

import pytest

from harness.aws_double import Refused
from harness.server import BINARY
from harness.site import Site

LITTER = [".DS_Store", "img/Thumbs.db", "._index.html", ".gitignore", "index.html~", "#x#",
          ".index.html.swp", "img/.#lock"]


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def test_litter_is_not_published_unless_a_rule_says_so(site):
    site.write("index.html", "1")
    for name in LITTER:
        site.write(name, "x")
    (site.folder / "sync.conf").write_text("[.gitignore]\nignore = no\n")
    site.deploy()
    assert site.s3.keys() == {"index.html", ".gitignore"}
    (site.folder / "sync.conf").unlink()
    site.deploy()  # what was published once goes
    assert site.s3.keys() == {"index.html"}


def test_five_deploys_in_an_hour_keep_all_chunks(site):
    for number in range(6):
        site.empty()
        site.write(f"static/js/main.{number}a2b3c4d.js", "x")
        site.write("index.html", f"{number}")
        site.deploy()
    assert len([key for key in site.s3.keys() if key.startswith("static/")]) == 6


def test_a_broken_link_is_called_so(site):
    site.release(1)
    (site.build / "dead").symlink_to("nowhere")
    done = site.sync("--yes")
    assert done.returncode == 4 and "dead: a broken link" in done.stderr
    (site.build / "dead").unlink()
    (site.build / "self").symlink_to("self")
    assert "a broken link" in site.sync("--yes").stderr


@pytest.mark.parametrize("one, other", [("caf\u00e9.txt", "cafe\u0301.txt"),
                                        ("\uac01.txt", "\u1100\u1161\u11a8.txt"),
                                        ("\u1ec7.txt", "e\u0323\u0302.txt")])
def test_names_that_differ_in_normalisation_alone_are_refused(site, one, other):
    site.write("index.html", "1")
    site.write(one, "composed")
    site.deploy()
    site.write(other, "decomposed")
    done = site.sync("--yes")
    assert done.returncode == 4 and one in done.stderr and other in done.stderr
    (site.build / one).unlink()
    site.write("\U0001f389 e.txt", "of another plane")
    site.deploy()


def test_the_plan_shows_sizes_headers_and_paths(site):
    site.write("index.html", "1")
    site.write("gone.txt", "x" * 1234)
    site.write("favicon.svg", "x")
    site.deploy()
    site.write("index.html", "22")
    (site.build / "gone.txt").unlink()
    (site.folder / "sync.conf").write_text("[favicon.svg]\ncache-control = no-store\n")
    shown = site.sync("--dry-run").stdout
    assert "\tupdate index.html  (1 B → 2 B)\n" in shown
    assert "\tdelete gone.txt  (1.2 kB)\n" in shown
    assert "\t\tcache-control: public, max-age=300 → no-store\n" in shown
    for path in ("/", "/index.html", "/favicon.svg", "/gone.txt"):
        assert f"\tinvalidate {path}\n" in shown


def test_json_lists_the_changes(site):
    site.write("index.html", "1")
    site.deploy()
    site.write("index.html", "22")
    site.write("new \"x\".txt", "1")
    told = json.loads(site.sync("plan", "--json").stdout)
    assert told["changes"] == [{"action": "update", "key": "index.html", "before": 1, "size": 2},
                               {"action": "create", "key": "new \"x\".txt", "size": 1}]
    assert told["invalidate"] == ["/", "/index.html"]


def test_json_stands_names_that_are_not_utf8(site):
    site.write("index.html", "1")
    with open(os.fsencode(site.build) + b"/\xff.txt", "w", encoding="ascii"):
        pass
    done = subprocess.run([str(BINARY), "sync", "--yes", "--json"], cwd=site.folder, check=False,
                          env=site.settings(), capture_output=True)
    told = json.loads(done.stdout.decode())
    assert done.returncode == 4 and told["exit_code"] == 4 and "not UTF-8" in told["message"]


def test_how_objects_are_stored(site):
    site.write("index.html", "1")
    site.write("a.txt", "1")
    answer = site.s3.answer

    def encrypted_alone(call):
        if call.method == "PUT" and call.headers.get("x-amz-server-side-encryption") != "AES256":
            raise Refused(403, "AccessDenied", "Access Denied")
        return answer(call)

    site.s3.answer = encrypted_alone
    arguments = ["--sse", "AES256", "--storage-class", "STANDARD_IA", "--tags", "a=b&c=d"]
    site.deploy(*arguments)
    site.write("index.html", "2")
    (site.folder / "sync.conf").write_text("[a.txt]\ncache-control = no-store\n")
    site.deploy(*arguments)
    for call in site.s3.calls:
        if call.method == "PUT" and call.key in ("index.html", "a.txt"):
            assert call.headers["x-amz-storage-class"] == "STANDARD_IA"
            assert call.headers["x-amz-tagging"] == "a=b&c=d"
            assert ("x-amz-tagging-directive" in call.headers) == ("x-amz-copy-source" in call.headers)
        elif call.method == "PUT":
            assert "x-amz-tagging" not in call.headers


def preview(site, name, *arguments, code=0):
    done = site.sync("--preview", name, "--yes", *arguments)
    assert done.returncode == code, done.stderr + done.stdout
    return done


def test_a_preview_is_listed_and_expires(site):
    site.write("index.html", '<h1>live</h1><script src="/main.js"></script>')
    site.write("main.js", "live")
    site.deploy()
    live = site.s3.content()
    assert "previews/new/" in preview(site, "new", code=4).stderr  # it would load the live script
    site.write("index.html", "<script src='/previews/new/main.js'></script><a href='//x.example/'>x</a>")
    site.write("main.js", "new")
    preview(site, "new")
    assert site.s3.objects["previews/new/main.js"].data == b"new"
    assert {key: site.s3.objects[key].data for key in live} == live
    assert "preview new" in site.sync("releases").stdout
    assert json.loads(site.sync("releases", "--json").stdout)[-1]["name"] == "new"
    site.write("index.html", "<h1>live again</h1>")
    site.deploy()
    assert "previews/new/main.js" in site.s3.objects
    for key, item in site.s3.objects.items():
        if key.startswith("previews/"):
            item.modified -= 15 * 86400
    site.cdn.warm()
    done = site.deploy()
    assert not any(key.startswith("previews/") for key in site.s3.objects)
    assert "delete previews/new/index.html" in done.stdout and not site.cdn.stale()
    assert site.sync("--preview", "A/b").returncode == 2
