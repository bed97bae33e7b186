"""`cruddur sync` against s3rver, and what other tools read back from what it wrote."""

import hashlib
import shutil
import subprocess

import pytest

from emulators import Emulator
from harness.server import BINARY, environment
from harness.site import Site

BUCKET = "cloudnoww.test"
NAMES = ["index.html", "about.html", "a b/c+d.txt", "emoji 🎉.txt", "per%cent.txt", "til~de.txt",
         "static/js/main.8a2b3c4d.js", ".well-known/x.json", "quo'te.txt"]


class S3rver(Emulator):
    script = "s3rver.js"


@pytest.fixture
def s3rver():
    server = S3rver.start(S3RVER_BUCKET=BUCKET)
    yield server
    server.stop()


def settings(server, folder):
    return environment(
        AWS_ACCESS_KEY_ID="S3RVER", AWS_SECRET_ACCESS_KEY="S3RVER",
        AWS_DEFAULT_REGION="us-east-1", AWS_ENDPOINT_URL_S3=server.url, SYNC_S3_BUCKET=BUCKET,
        SYNC_BUILD_DIR=str(folder / "build"), HOME=str(folder))


def sync(server, folder, *arguments):
    done = subprocess.run([str(BINARY), "sync", "--yes", *arguments], cwd=folder,
                          env=settings(server, folder), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def client(server):
    import boto3
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1",
                        aws_access_key_id="S3RVER", aws_secret_access_key="S3RVER")


def write_build(folder, text):
    for name in NAMES:
        path = folder / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text} {name}")


def test_s3rver_holds_the_build_and_follows_changes(s3rver, tmp_path):
    write_build(tmp_path, "first")
    sync(s3rver, tmp_path)
    assert "nothing to do" in sync(s3rver, tmp_path)
    write_build(tmp_path, "second")
    (tmp_path / "build" / "quo'te.txt").unlink()
    sync(s3rver, tmp_path)
    s3 = client(s3rver)
    held = {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]
            if not item["Key"].startswith(".cruddur/")}
    wanted = {name if name == "index.html" else name.removesuffix(".html") for name in NAMES}
    assert held == wanted - {"quo'te.txt"}
    for key in held:
        answer = s3.get_object(Bucket=BUCKET, Key=key)
        assert answer["Body"].read().startswith(b"second ")
    assert s3.head_object(Bucket=BUCKET, Key="about")["ContentType"] == "text/html; charset=utf-8"
    sync(s3rver, tmp_path, "rollback")
    assert s3.get_object(Bucket=BUCKET, Key="about")["Body"].read() == b"first about.html"


def test_s3rver_lists_thousands_of_objects(s3rver, tmp_path):
    names = [f"{name} {number}" for number in range(1250) for name in ("a b", "c+%2F", "emoji 🎉", "~'\"")]
    for name in names:
        path = tmp_path / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    sync(s3rver, tmp_path, "--silent", "create")
    assert f"no_change: {len(names)}" in sync(s3rver, tmp_path, "--silent", "no_change")
    pages = client(s3rver).get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    etags = {item["Key"]: item["ETag"].strip('"') for page in pages for item in page["Contents"]}
    assert all(etags[name] == hashlib.md5(name.encode()).hexdigest() for name in names)


TOOLS = {
    "aws": lambda s3, to: ["/usr/bin/aws", "--endpoint-url", s3.url, "s3", "sync",
                           f"s3://{s3.bucket}", str(to), "--exclude", ".cruddur/*", "--quiet"],
    "s3cmd": lambda s3, to: ["/usr/bin/s3cmd", "-c", "/dev/null", "--no-ssl", "--no-progress", "-q",
                             f"--host=127.0.0.1:{s3.port}", f"--host-bucket=127.0.0.1:{s3.port}",
                             f"--region={s3.region}", f"--access_key={s3.key}",
                             f"--secret_key={s3.secret}", "sync", "--exclude", ".cruddur/*",
                             f"s3://{s3.bucket}/", f"{to}/"],
    "rclone": lambda s3, to: ["/usr/bin/rclone", "--config", "/dev/null", "sync",
                              "--exclude", ".cruddur/**",
                              f":s3,provider=Other,endpoint='{s3.url}',region={s3.region},"
                              f"access_key_id={s3.key},secret_access_key={s3.secret}:{s3.bucket}",
                              str(to)],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_other_tools_read_the_same(tool, tmp_path):
    if not shutil.which(f"/usr/bin/{tool}"):
        pytest.skip(f"there is no {tool} here")
    site = Site(tmp_path / "site", distribution=False)
    try:
        for name in NAMES:
            site.write(name, f"content of {name}")
        site.deploy("--keep-html")
        target = tmp_path / "back"
        target.mkdir()
        done = subprocess.run(
            TOOLS[tool](site.s3, target), capture_output=True, text=True, check=False, timeout=120,
            env=environment(AWS_ACCESS_KEY_ID=site.s3.key, AWS_SECRET_ACCESS_KEY=site.s3.secret,
                            AWS_DEFAULT_REGION=site.s3.region, HOME=str(tmp_path)))
        assert done.returncode == 0, done.stderr
        back = {path.relative_to(target).as_posix(): path.read_bytes()
                for path in target.rglob("*") if path.is_file()}
        assert back == site.files(strip=False)
    finally:
        site.close()
