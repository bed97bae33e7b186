"""What `cruddur sync` never takes away unasked: the top page, most of a site, what is not its own."""

import pytest

from harness.site import Site, hashed


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def refused(site, *arguments, words):
    before = dict(site.s3.content())
    site.s3.calls.clear()
    done = site.sync("--yes", *arguments)
    assert done.returncode == 4, done.stderr + done.stdout
    for word in words:
        assert word in done.stderr, done.stderr
    assert site.s3.content() == before
    return done


def deletes(done):
    return {line.split("delete ", 1)[1].split("  (")[0] for line in done.stdout.splitlines()
            if line.startswith("\tdelete ")}


@pytest.mark.parametrize("prefix", [[], ["--prefix", "app"]])
@pytest.mark.parametrize("data", [None, ""])
def test_the_top_page_is_neither_deleted_nor_emptied_unasked(site, prefix, data):
    site.release(1)
    site.deploy(*prefix)
    if data is None:
        (site.build / "index.html").unlink()
    else:
        site.write("index.html", data)
    key = "app/index.html" if prefix else "index.html"
    refused(site, *prefix, words=["index.html", "--allow-missing-index"])
    assert site.sync("plan", *prefix).returncode == 4
    site.deploy("--allow-missing-index", *prefix)
    assert key not in site.s3.objects if data is None else site.s3.objects[key].data == b""


def test_an_index_in_a_folder_may_go(site):
    site.write("index.html", "<p>")
    site.write("docs/index.html", "<p>")
    site.deploy("--keep-html")
    (site.build / "docs/index.html").unlink()
    site.deploy("--keep-html")
    assert "docs/index.html" not in site.s3.objects


def test_a_top_page_that_is_looked_after_by_hand_may_be_missing(site):
    site.s3.put("index.html", b"by hand")
    site.write("other.txt", "1")
    site.deploy("--ignore", "/index.html")
    assert site.s3.objects["index.html"].data == b"by hand"


@pytest.mark.parametrize("size", [15, 19, 20, 21, 25, 41, 60])
def test_a_stray_file_does_not_empty_a_site(site, size):
    site.write("index.html", "<h1>live</h1>")
    site.write("static/js/main.8a2b3c4d.js", "1")
    for number in range(size - 2):
        site.write(f"page{number}.html", f"{number}")
    site.deploy()
    site.empty()
    site.write("index.html", "<h1>live</h1>")
    site.write("stray.txt", "x")
    refused(site, words=[f"{size - 2} of {size - 1} objects", f"--max-delete {size - 2}"])


def test_kept_assets_do_not_make_room_for_deletions(site):
    site.write("index.html", "1")
    for number in range(400):
        site.write(f"static/js/c{number}.{number:06x}a1.js", f"{number}")
    for number in range(149):
        site.write(f"img/{number}.png", f"{number}")
    for number in range(50):
        site.write(f"page{number}.html", f"{number}")
    site.deploy()
    for path in [*site.build.glob("img/*"), *site.build.glob("page*.html")]:
        path.unlink()
    done = refused(site, words=["199 of 200 objects", "100 are allowed", "--max-delete 199"])
    assert done.stderr.count("img/") == 10 and "img/0.png, img/1.png" in done.stderr


def test_assets_that_grew_too_old_block_no_deploy(site):
    for number in range(6):
        site.empty()
        for chunk in range(40):
            data = f"{chunk} of {number}"
            site.write(hashed(f"chunk{chunk}", data.encode(), "js"), data)
        for page in range(8):
            site.write(f"{'index' if page == 0 else f'page{page}'}.html", f"{page} {number}")
        site.deploy("--keep-releases", "1", "--keep-days", "0")
    assert len({key for key in site.s3.keys() if key.startswith("static/")}) == 80


def test_what_others_put_there_stays(site):
    for number in range(18):
        site.s3.put(f"avatars/user{number}.jpg", b"photo")
    site.s3.put("terraform.tfstate", b"{}")
    site.s3.put("static/js/old.8a2b3c4d.js", b"theirs")
    site.write("index.html", "<h1>hi</h1>")
    done = site.deploy()
    assert "foreign: 20" in done.stdout and "\tforeign terraform.tfstate" in done.stdout
    assert len(site.s3.keys()) == 21
    again = site.deploy()
    assert "nothing to do" in again.stdout and "foreign: 20" in again.stdout
    refused(site, "--max-delete", "19", words=["20 of 21 objects", "--max-delete 20"])
    assert deletes(site.deploy("--max-delete", "20")) == {
        key for key in [*(f"avatars/user{number}.jpg" for number in range(18)),
                        "terraform.tfstate", "static/js/old.8a2b3c4d.js"]}
    assert site.s3.content() == site.files()


def test_two_syncs_into_a_bucket_that_the_gem_filled(site):
    site.release(1)
    for key, data in site.files().items():
        site.s3.put(key, data, {"content-type": "text/html"})
    for name in ("old-page", "uploads/one.png", "error.html"):
        site.s3.put(name, b"of another time")
    first = site.deploy()
    assert deletes(first) == set() and "foreign: 3" in first.stdout
    site.release(3)  # what the first sync found equal is ours now
    gone = set(site.s3.keys()) - set(site.files())
    second = site.deploy()
    assert deletes(second) == {key for key in gone if key.startswith("page")}
    assert {"old-page", "uploads/one.png", "error.html"} <= site.s3.keys()


def test_what_somebody_wrote_over_is_not_ours_to_delete(site):
    site.write("index.html", "1")
    site.write("page.html", "1")
    site.deploy()
    site.s3.put("page", b"by hand", {"content-type": "text/html"})
    (site.build / "page.html").unlink()
    done = site.deploy()
    assert "\tforeign page" in done.stdout and site.s3.objects["page"].data == b"by hand"


def test_what_a_killed_run_wrote_is_ours(site):
    site.write("index.html", "1")
    site.s3.put("theirs.txt", b"theirs")
    site.deploy()
    site.write("new.txt", "1")
    site.write("index.html", "2")
    site.write("theirs.txt", "ours")
    site.kill_at(lambda call: call.method == "PUT" and call.key == "new.txt")
    (site.build / "new.txt").unlink()
    (site.build / "theirs.txt").unlink()
    assert deletes(site.deploy()) == {"new.txt"}
    assert site.s3.objects["theirs.txt"].data == b"theirs"


def test_what_was_updated_is_invalidated_whatever_its_name(site):
    site.write("index.html", "1")
    site.write("static/js/main.8a2b3c4d.js", "1")
    site.write("notes.txt", "1")
    site.deploy()
    site.cdn.warm()
    site.write("static/js/main.8a2b3c4d.js", "2")
    site.deploy()
    assert site.cdn.paid == [["/static/js/main.8a2b3c4d.js"]]
    del site.s3.objects["notes.txt"]  # by hand: the edges have it still
    site.s3.ordered = None
    site.write("notes.txt", "2")
    site.deploy()
    assert site.cdn.paid[1:] == [["/notes.txt"]]


def test_what_bundlers_hash_is_kept_and_what_only_looks_so_is_invalidated(site):
    hashed_names = ["static/js/787.28731594.chunk.js", "assets/index-DiwrgTda.js",
                    "assets/vendor-zwggxcug.js", "_astro/page.DNf8xk2Q.css", "chunk-ABCD2345.js"]
    plain_names = ["img/team-Photo001.jpg", "docs/cv-JaneDoe1.pdf", "img/logo-Version2.png",
                   "service-worker.js"]
    for name in ["index.html", *hashed_names, *plain_names]:
        site.write(name, f"first {name}")
    site.deploy()
    for name in hashed_names:
        assert "immutable" in site.s3.objects[name].headers["cache-control"]
        (site.build / name).unlink()
    site.cdn.warm()
    for name in plain_names:
        assert site.s3.objects[name].headers["cache-control"] == "public, max-age=300"
        site.write(name, f"second {name}")
    done = site.deploy()
    assert deletes(done) == set() and set(hashed_names) < site.s3.keys()
    assert not site.cdn.stale()


@pytest.mark.parametrize("name, text", [
    ("asset-manifest.json", '{"files":{"main.js":"/app/static/js/m-x1.js","logo.svg":"/logo.x2.svg"},'
                            '"entrypoints":["static/js/m-x1.js"]}'),
    (".vite/manifest.json", '{"src/m.ts":{"file":"static/js/m-x1.js"},"logo.svg":{"file":"logo.x2.svg"}}'),
])
def test_the_list_of_the_bundler_counts_for_later_syncs_as_well(site, name, text):
    site.write("index.html", "1")
    site.write(name, text)
    site.write("static/js/m-x1.js", "1")
    site.write("logo.x2.svg", "1")
    site.write("manifest.json", '{"short_name":"App","icons":[]}')
    site.deploy()
    for key in ("static/js/m-x1.js", "logo.x2.svg"):
        assert "immutable" in site.s3.objects[key].headers["cache-control"]
    site.empty()
    site.write("index.html", "2")
    done = site.deploy("--max-delete", "100%")
    assert "\tkeep static/js/m-x1.js" in done.stdout and "\tkeep logo.x2.svg" in done.stdout
