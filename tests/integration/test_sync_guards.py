"""What `cruddur sync` refuses, before its first write, and its exit codes."""

import json
import os
import pathlib
import subprocess

import pytest

from harness.site import Site


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


def refused(site, *arguments, words, code=4, **changes):
    site.s3.calls.clear()
    done = site.sync("--yes", *arguments, **changes)
    assert done.returncode == code, done.stderr + done.stdout
    assert words in done.stderr, done.stderr
    assert {call.method for call in site.s3.calls} <= {"GET", "HEAD"}
    return done


@pytest.mark.parametrize("name, data", [
    (".env", "A=1"), (".env.production", "A=1"), (".git/config", "x"), ("deep/.git/HEAD", "x"),
    ("id_rsa", "x"), ("server.key", "x"), ("keys/cert.p12", "x"), (".npmrc", "x"),
    ("notes.txt", "-----BEGIN RSA PRIVATE KEY-----\nabc\n"),
    ("cert.pem", "\n-----BEGIN PRIVATE KEY-----\nabc\n"), ("production.env", "A=1"),
    ("chain.pem", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
                  f"-----BEGIN PRIVATE KEY-----\n{'abcd' * 16}\n-----END PRIVATE KEY-----\n"),
])
def test_secrets_are_refused(site, name, data):
    site.release(1)
    site.write(name, data)
    refused(site, words=name.split("/")[-1] if "/" not in name else name.split("/")[0])
    assert site.s3.keys() == set()


def test_what_only_looks_like_a_secret_is_shipped(site):
    site.write(".well-known/security.txt", "Contact: mailto:a@example.com")
    site.write("jose.js", 'const pem = "-----BEGIN PRIVATE KEY-----";')
    site.write("cert.pem", "-----BEGIN CERTIFICATE-----\nabc\n")
    site.write("environment.env.js", "x")
    site.deploy()
    assert len(site.s3.keys()) == 4


def test_an_empty_or_missing_build_folder_is_refused(site):
    site.s3.put("index.html", b"x")
    refused(site, words="is empty")
    site.build.rmdir()
    refused(site, words="no build folder")
    assert "index.html" in site.s3.objects


def test_two_files_of_one_key_are_refused(site):
    site.write("about", "1")
    site.write("about.html", "2")
    refused(site, words="two files have the key about")
    assert site.sync("--yes", "--keep-html").returncode == 0


def test_links_out_of_the_build_are_refused(site, tmp_path):
    (tmp_path / "secret").write_text("x")
    site.release(1)
    (site.build / "leak.txt").symlink_to(tmp_path / "secret")
    refused(site, words="leads out of the build folder")
    (site.build / "leak.txt").unlink()
    (site.build / "copy.txt").symlink_to(site.build / "favicon.svg")
    site.deploy()
    assert site.s3.objects["copy.txt"].data == site.s3.objects["favicon.svg"].data


def test_the_state_folder_is_reserved(site):
    site.release(1)
    site.write(".cruddur/manifest.json", "{}")
    refused(site, words="the sync's own")


@pytest.mark.parametrize("limit, passes", [("4", False), ("5", True), ("10%", False), ("60%", True)])
def test_deletions_are_bounded(site, limit, passes):
    for number in range(5):
        site.write(f"{number}.txt", "x")
        site.write(f"old{number}.txt", "x")
    site.deploy()
    for number in range(5):
        (site.build / f"old{number}.txt").unlink()
    if passes:
        site.deploy("--max-delete", limit)
    else:
        refused(site, "--max-delete", limit, words="--max-delete 5")
        assert len(site.s3.keys()) == 10


def test_half_of_a_bucket_is_not_deleted_unasked(site):
    site.release(1)
    for number in range(100):
        site.write(f"old/{number}", "x")
    site.deploy()
    site.release(1)
    refused(site, words="100 of 107 objects would be deleted")


@pytest.mark.parametrize("arguments", [
    ["--no-such-flag"], ["sideways"], ["--jobs", "0"], ["--jobs", "x"], ["--max-delete", "most"],
    ["--silent", "everything"], ["apply"], ["rollback", "x"], ["--env", "missing.env"],
    ["--config", "missing.conf"], ["apply", "missing.json"], ["--bucket", "a/b"],
])
def test_wrong_usage(site, arguments):
    site.release(1)
    assert site.sync(*arguments).returncode == 2
    assert not site.s3.calls


def test_a_missing_bucket_setting_names_the_variable(site):
    site.release(1)
    done = site.sync(SYNC_S3_BUCKET="")
    assert done.returncode == 2 and "SYNC_S3_BUCKET" in done.stderr


@pytest.mark.parametrize("text", ["cache-control = x\n", "[a\n", "[a]\nnonsense\n",
                                  "[a]\nvariants = gzip\n", "[a]\nhashed = maybe\n"])
def test_a_bad_sync_conf_names_the_line(site, text):
    site.release(1)
    (site.folder / "sync.conf").write_text(text)
    done = site.sync()
    assert done.returncode == 2 and "sync.conf: line " in done.stderr


def test_credentials_that_are_missing_or_wrong(site):
    site.release(1)
    done = site.sync("--yes", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert done.returncode == 6, done.stderr
    done = site.sync("--yes", AWS_SECRET_ACCESS_KEY="wrong-secret")
    assert done.returncode == 6, done.stderr
    assert "wrong-secret" not in done.stderr + done.stdout


def test_a_service_that_is_down(site):
    site.release(1)
    done = site.sync("--yes", AWS_ENDPOINT_URL_S3="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert done.returncode == 5, done.stderr


def test_a_bucket_that_is_not_there(site):
    site.release(1)
    done = site.sync("--yes", "--bucket", "nobodys")
    assert done.returncode == 1 and "NoSuchBucket" in done.stderr or "nobodys" in done.stderr


def test_keys_cannot_write_on_the_terminal(site):
    site.release(1)
    site.s3.put("evil\x1b[2Jkey", b"x")
    done = site.sync("--dry-run")
    assert "\x1b[2J" not in done.stdout and "evil?[2Jkey" in done.stdout
    site.deploy("--max-delete", "1")
    assert "evil\x1b[2Jkey" not in site.s3.objects


def test_help(site):
    done = site.sync("--help")
    assert done.returncode == 0 and "Usage: cruddur sync" in done.stdout


def test_a_device_is_written_to_and_not_replaced(site, tmp_path):
    site.release(1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert site.sync("plan", "--changeset", str(pipe)).returncode == 3
        assert json.loads(reader.stdout.read())["bucket"] == site.s3.bucket
    assert pipe.is_fifo()
    assert site.sync("plan", "--changeset", "/dev/null").returncode == 3
    assert pathlib.Path("/dev/null").is_char_device()


def test_a_dry_run_needs_no_folder_that_it_may_write_to(site):
    site.release(1)
    nowhere = "/proc/self/nowhere/changeset.json"
    done = site.sync("--dry-run", "--changeset", nowhere)
    assert done.returncode == 3 and "create index.html" in done.stdout
    assert site.sync("plan", "--changeset", nowhere).returncode == 1
