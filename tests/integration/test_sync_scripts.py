"""The scripts around the sync: generate-env, static-build, sync."""

import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

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
    assert done.returncode == 2 and all(name in done.stderr for name in NEEDED)
    assert not list(copy.glob("*.env"))


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


BUNDLER = """
const fs = require("fs"), crypto = require("crypto");
const script = `const backend = "${process.env.REACT_APP_BACKEND_URL}";`;
const hash = crypto.createHash("sha256").update(script).digest("hex").slice(0, 7) + "a";
fs.mkdirSync("build/static/js", {recursive: true});
fs.writeFileSync(`build/static/js/main.${hash}1.js`, script);
fs.writeFileSync("build/index.html", `<script src="/static/js/main.${hash}1.js"></script>`);
fs.writeFileSync("build/about.html", "<h1>About</h1>");
"""


def test_from_the_first_build_to_a_rollback(copy, tmp_path):
    """As docs/sync.md tells it: generate-env, static-build, sync, another build, rollback."""
    app = tmp_path / "frontend-react-js"
    app.mkdir()
    (app / "package.json").write_text('{"name": "app", "scripts": {"build": "node bundler.js"}}')
    (app / "package-lock.json").write_text(
        '{"name": "app", "lockfileVersion": 3, "packages": {"": {"name": "app"}}}')
    (app / "bundler.js").write_text(BUNDLER)
    site = Site(tmp_path / "site")
    settings = {name: value for name, value in site.settings().items() if name != "SYNC_BUILD_DIR"}
    settings |= NEEDED | {"CRUDDUR_BINARY": str(BINARY), "HOME": str(tmp_path), "SYNC_AUTO_APPROVE": "1",
                          "SYNC_CLOUDFRONT_DISTRUBTION_ID": site.cdn.distribution}

    def step(script, *arguments, code=0, **changes):
        done = subprocess.run([str(copy / "bin/frontend" / script), *arguments], cwd=tmp_path,
                              env=settings | changes, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def served():
        name = site.s3.objects["index.html"].data.decode().split('"')[1]
        return site.s3.objects[name.removeprefix("/")].data.decode()

    try:
        step("generate-env", REACT_APP_BACKEND_URL="https://first.example")
        step("static-build")
        step("sync", "plan", code=3)
        step("sync")
        assert site.s3.objects["about"].data == b"<h1>About</h1>"
        assert "https://first.example" in served()
        site.cdn.warm()
        shutil.rmtree(app / "build")
        step("static-build", REACT_APP_BACKEND_URL="https://second.example")
        step("sync", "--wait")
        assert "https://second.example" in served() and not site.cdn.stale()
        site.cdn.warm()
        step("sync", "rollback")
        assert "https://first.example" in served() and not site.cdn.stale()
        site.check_strict()
    finally:
        site.close()


def test_the_workflow_builds_apart_from_the_rights_to_ship():
    workflow = yaml.safe_load((PROJECT / ".github/workflows/sync.yaml").read_text())
    assert workflow[True]["push"]["branches"] == ["prod"]  # YAML reads `on` as a truth value
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["build"]
    sync = workflow["jobs"]["sync"]
    assert sync["permissions"] == {"contents": "read", "id-token": "write"}
    assert "github.workspace" not in str(sync)  # names the host's folder in a container
    assert any(step.get("run") == "bin/frontend/sync --yes --wait" for step in sync["steps"])


def test_the_role_may_do_what_a_sync_does_and_no_more():
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, tag, node: f"{tag} {node.value}")
    template = yaml.load((PROJECT / "aws/cfn/sync/template.yaml").read_text(), Loader)
    policy = template["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]
    allowed = {action for statement in policy["Statement"]
               for action in ([statement["Action"]] if isinstance(statement["Action"], str)
                              else statement["Action"])}
    assert allowed == {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
                       "cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"}
    assert all("*" not in action for action in allowed)


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
