"""The scripts around the sync: generate-env, static-build, sync."""

import os
import pathlib
import shutil
import subprocess

import pytest

from harness.description import PROJECT
from harness.server import BINARY
from harness.site import Site

NEEDED = {"SYNC_CLOUDFRONT_DISTRUBTION_ID": "E1X", "AWS_DEFAULT_REGION": "ca-central-1",
          "AWS_COGNITO_USER_POOL_ID": "pool", "AWS_COGNITO_USER_POOL_CLIENT_ID": "client"}


@pytest.fixture
def copy(tmp_path):
    """The project's scripts in a folder of their own: they write beside themselves."""
    target = tmp_path / "project"
    target.mkdir()
    shutil.copytree(PROJECT / "bin", target / "bin")
    return target


def run(script, *arguments, **settings):
    return subprocess.run([str(script), *arguments], env={"PATH": os.environ["PATH"], **settings},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=120)


def test_generate_env_fills_the_templates(copy):
    script = copy / "bin/frontend/generate-env"
    done = run(script, **NEEDED, FRONTEND_DIR="/srv/front end")
    assert done.returncode == 0, done.stderr
    text = (copy / "sync.env").read_text()
    assert "SYNC_S3_BUCKET=cloudnoww.com\n" in text and "SYNC_BUILD_DIR=/srv/front end/build\n" in text
    assert "REACT_APP_CLIENT_ID=client\n" in (copy / "frontend-react-js.env").read_text()
    assert run(script, **NEEDED).returncode == 4
    assert run(script, "--force", **NEEDED, SYNC_S3_BUCKET="$(id)").returncode == 0
    assert "SYNC_S3_BUCKET=$(id)\n" in (copy / "sync.env").read_text()


def test_generate_env_names_what_is_missing(copy):
    done = run(copy / "bin/frontend/generate-env")
    assert done.returncode == 2 and "which is not set" in done.stderr


def test_static_build_builds_with_the_settings(copy, tmp_path):
    app = tmp_path / "frontend-react-js"
    (app / "node_modules").mkdir(parents=True)
    (app / "package.json").write_text(
        '{"scripts": {"build": "mkdir -p build && echo $REACT_APP_CLIENT_ID > build/index.html"}}')
    (copy / "frontend-react-js.env").write_text("REACT_APP_CLIENT_ID='$(id) x'\nPATH=/nowhere\n")
    done = run(copy / "bin/frontend/static-build", FRONTEND_DIR=str(app), HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (app / "build/index.html").read_text() == "$(id) x\n"
    (app / "package.json").write_text('{"scripts": {"build": "false"}}')
    assert run(copy / "bin/frontend/static-build", FRONTEND_DIR=str(app),
               HOME=str(tmp_path)).returncode == 1


def test_static_build_without_an_app(copy):
    done = run(copy / "bin/frontend/static-build", FRONTEND_DIR="/nonexistent")
    assert done.returncode == 2 and "FRONTEND_DIR" in done.stderr


def test_sync_ships_with_the_ignore_list(tmp_path):
    site = Site(tmp_path / "site")
    try:
        site.write("index.html", "<p>")
        site.write("robots.txt", "local")
        site.write("deep/robots.txt", "shipped")
        site.s3.put("favicon.ico", b"by hand")
        settings = site.settings(CRUDDUR_BINARY=str(BINARY))
        done = subprocess.run(
            [str(PROJECT / "bin/frontend/sync"), "--yes"], env=settings, cwd=tmp_path,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert site.s3.keys() == {"index.html", "deep/robots.txt", "favicon.ico"}
        assert "ignore: 2" in done.stdout and "ignore favicon.ico" not in done.stdout
        site.check_strict()
    finally:
        site.close()


@pytest.mark.parametrize("script", ["frontend/sync", "frontend/static-build",
                                    "frontend/generate-env", "cfn/sync"])
def test_help(script):
    done = run(pathlib.Path(PROJECT) / "bin" / script, "--help")
    assert done.returncode == 0 and done.stdout.startswith("Usage: bin/")
