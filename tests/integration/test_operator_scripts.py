"""The scripts of the operator: help, dry runs, what they ask AWS for, what they refuse."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from harness.description import PROJECT

DONE, FAILED, USAGE, REFUSED, UNAVAILABLE, CREDENTIALS = 0, 1, 2, 4, 5, 6
SECRET = 'postgresql://cruddur:s3cr=t"\\&$x@db.internal:5432/cruddur'
CHANGING = ["cfn/service", "cfn/sync", "cfn/cicd", "cfn/machine-user", "cfn/post-confirmation", "backend/build", "backend/push",
            "backend/register", "backend/migrate", "backend/deploy", "backend/run", "backend/connect",
            "backend/generate-env", "ecr/login", "rds/update-sg-rule", "rds/fetch-certificates"]

SERVICE_CONFIG = """# a comment
[deploy]
account = '123456789012' # and another
region = "eu-test-1"
stack_name = 'CrdTest'

[parameters]
VpcId = 'vpc-1'
SubnetIds = 'subnet-1,subnet-2'
LoadBalancerSecurityGroupId = 'sg-lb'
DatabaseSecurityGroupId = 'sg-db'
TargetGroupArn = 'arn:aws:tg'
ClusterName = 'cluster'
ServiceName = 'service'
RepositoryName = 'repository'
ParameterPrefix = '/cruddur/test'
FrontendUrl = 'https://cloudnoww.test'
BackendUrl = 'https://api.cloudnoww.test'
UserPoolId = 'eu-test-1_Pool'
UserPoolClientIds = 'a,b'
MessageTable = 'messages "quoted"'
OtelEndpoint = 'https://otel.test'
OtelServiceName = 'otel'
TraceRatio = '0.5'
LogLevel = 'info'
TrustedProxies = '10.0.0.0/16'
WriteLimitPerUser = '60/minute'
WriteLimitPerAddress = '600/minute'
MinTasks = 1
MaxTasks = 3
"""
POST_CONFIRMATION_CONFIG = """[deploy]
region = 'eu-test-1'
stack_name = 'CrdPostConfirmation'
[parameters]
VpcId = 'vpc-1'
SubnetIds = 'subnet-1'
DatabaseSecurityGroupId = 'sg-db'
UserPoolId = 'eu-test-1_Pool'
"""
DEFINITION = "arn:aws:ecs:eu-test-1:123456789012:task-definition/service:7"
TASK = "arn:aws:ecs:eu-test-1:123456789012:task/cluster/0123456789abcdef"
IMAGE = "123456789012.dkr.ecr.eu-test-1.amazonaws.com/repository:running"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"}}
ANSWERS = {
    "ecs describe-services": {"services": [{
        "taskDefinition": DEFINITION, "networkConfiguration": NETWORK, "enableExecuteCommand": True,
        "deployments": [{"status": "ACTIVE", "taskDefinition": "old"},
                        {"status": "PRIMARY", "taskDefinition": DEFINITION}]}]},
    "ecs describe-task-definition": {"taskDefinition": {
        "taskDefinitionArn": DEFINITION,
        "containerDefinitions": [{"name": "xray", "image": "x"}, {"name": "backend", "image": IMAGE}]}},
    "ecs register-task-definition": {"taskDefinition": {"taskDefinitionArn": DEFINITION}},
    "ecs update-service": {"service": {"serviceArn": "arn:service"}},
    "ecs run-task": {"tasks": [{"taskArn": TASK}]},
    "ecs list-tasks": {"taskArns": [TASK]},
    "ecs describe-tasks": {"tasks": [{"stoppedReason": "Essential container in task exited", "containers": [
        {"name": "xray", "exitCode": 143}, {"name": "backend", "exitCode": 0}]}]},
    "logs get-log-events": {"events": [{"message": "applied 2 migrations"}]},
    "cloudformation describe-stacks": {"Stacks": [{"Outputs": [
        {"OutputKey": "ExecutionRoleArn", "OutputValue": "arn:aws:iam::123456789012:role/execution"},
        {"OutputKey": "TaskRoleArn", "OutputValue": "arn:aws:iam::123456789012:role/task"}]}]},
    "ssm get-parameter": {"Parameter": {"Type": "SecureString", "Value": SECRET}},
    "ec2 describe-security-group-rules": {"SecurityGroupRules": [
        {"SecurityGroupRuleId": "sgr-out", "Description": "cruddur operator", "IsEgress": True},
        {"SecurityGroupRuleId": "sgr-else", "Description": "tasks", "IsEgress": False},
        {"SecurityGroupRuleId": "sgr-mine", "Description": "cruddur operator", "IsEgress": False}]},
    "ecr get-login-password": "the-password",
}


class Operator:
    """Somebody at a shell, with doubles of aws and docker on the PATH and a configuration."""

    def __init__(self, folder):
        self.folder = folder
        self.answers = json.loads(json.dumps(ANSWERS))
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "aws").symlink_to(PROJECT / "tests/integration/harness/fake_aws.py")
        (self.bin / "session-manager-plugin").symlink_to("/bin/true")
        docker = self.bin / "docker"
        docker.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{folder}/docker\n[ "$1" != login ] || cat >{folder}/password\n')
        docker.chmod(0o755)
        (folder / "service.toml").write_text(SERVICE_CONFIG)
        (folder / "post-confirmation.toml").write_text(POST_CONFIRMATION_CONFIG)

    def run(self, path, *arguments, expect=DONE, config="service.toml", project=PROJECT, **settings):
        (self.folder / "answers.json").write_text(json.dumps(self.answers))
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.folder), "FAKE_AWS": str(self.folder),
                       "IMAGE_TAG": "v1", "SERVICE_CONFIG": str(self.folder / "service.toml"), **settings}
        options = ["--config", str(self.folder / config)] if config else []
        done = subprocess.run([str(project / "bin" / path), *options, *arguments], env=environment, text=True,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        assert "\033" not in done.stdout + done.stderr
        return done

    def calls(self, name=None):
        file = self.folder / "calls.jsonl"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [call for call in calls if name in (None, call["command"])]

    def docker(self):
        file = self.folder / "docker"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def operator(tmp_path):
    return Operator(tmp_path)


def only(found):
    assert len(found) == 1, found
    return found[0]


def parameters(call):
    rows = json.loads(call["files"]["parameter-overrides"])
    return dict(row.split("=", 1) for row in rows)


# --- What all of them have ---


@pytest.mark.parametrize("name", CHANGING)
def test_help(operator, name):
    done = operator.run(name, "--help", config=None)
    assert done.stdout.startswith(f"Usage: bin/{name}") and "--dry-run" in done.stdout and not done.stderr


@pytest.mark.parametrize("name", CHANGING)
def test_unknown_options(operator, name):
    done = operator.run(name, "--frobnicate", config=None, expect=USAGE, **with_config(operator))
    assert "frobnicate" in done.stderr or "fill it in" in done.stderr


def with_config(operator):
    return {"SERVICE_CONFIG": str(operator.folder / "service.toml")}


def all_scripts():
    """What people call: everything in bin/ but what the scripts share."""
    files = [path for path in (PROJECT / "bin").rglob("*") if path.is_file() and "lib" not in path.parts]
    return sorted(str(path.relative_to(PROJECT / "bin")) for path in files if path.read_text().startswith("#!"))


@pytest.mark.parametrize("name", all_scripts())
def test_help_from_anywhere_and_by_a_link(operator, name):
    link = operator.folder / "link to it"
    link.symlink_to(PROJECT / "bin" / name)
    done = subprocess.run([str(link), "--help"], cwd="/", env={"PATH": os.environ["PATH"]}, text=True, capture_output=True,
                          timeout=60, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == DONE and done.stdout.startswith(f"Usage: bin/{name}"), (done.stdout, done.stderr)
    assert not done.stderr


READING = {"ecs describe-services", "ecs describe-task-definition", "cloudformation describe-stacks", "ssm get-parameter",
           "ecs list-tasks", "ec2 describe-security-group-rules"}


@pytest.mark.parametrize("name", CHANGING)
def test_a_dry_run_changes_nothing(operator, name):
    config = {"cfn/post-confirmation": "post-confirmation.toml", "backend/generate-env": None,
              "rds/fetch-certificates": None}.get(name, "service.toml")
    arguments = {"rds/fetch-certificates": ["--force"], "rds/update-sg-rule": ["--ip", "192.0.2.1"], "backend/run": ["--env-file", "/dev/null"]}.get(name, [])
    settings = {}
    if name == "backend/generate-env":
        settings = {name: "x" for name in ("CONNECTION_URL", "AWS_DEFAULT_REGION", "AWS_COGNITO_USER_POOL_ID",
                                           "AWS_COGNITO_USER_POOL_CLIENT_ID")}
    done = operator.run(name, "--dry-run", *arguments, config=config, **settings)
    assert {call["command"] for call in operator.calls()} <= READING
    assert operator.docker() == []
    assert "would run: " in done.stderr or name in ("backend/register", "backend/generate-env")
    assert SECRET not in done.stdout + done.stderr and "s3cr" not in done.stdout + done.stderr


def test_the_configuration_in_the_tree_wants_to_be_filled_in(operator):
    """No account of anybody's is in the tree; what is missing is named."""
    for name in ("cfn/service", "cfn/cicd", "cfn/post-confirmation", "backend/build"):
        done = operator.run(name, "--dry-run", config=None, expect=USAGE, SERVICE_CONFIG="")
        assert re.search(r"aws/cfn/[a-z-]+/config.toml: \w+ \(in \[\w+\]\) is empty", done.stderr), done.stderr
    for path in (PROJECT / "aws").rglob("*"):
        if path.is_file():
            assert not re.search(r"\b\d{12}\b", path.read_text()), path


@pytest.mark.parametrize("line, what", [
    ("region = eu-test-1", "no 'text', number, true or false"),
    ("region = 'a' 'b'", "no 'text', number, true or false"),
    ("region = \"a\\n\"", "no 'text', number, true or false"),
    ("region = ['a']", "no 'text', number, true or false"),
    ("stack_name = 'twice'", "stands there twice"),
    ("region", "neither [section] nor key = value"),
])
def test_a_bad_line_is_named(operator, line, what):
    text = SERVICE_CONFIG.replace('region = "eu-test-1"', line)
    (operator.folder / "service.toml").write_text(text)
    done = operator.run("backend/build", expect=USAGE)
    assert what in done.stderr and re.search(r"service.toml:\d+: ", done.stderr)


def test_a_bad_account(operator):
    (operator.folder / "service.toml").write_text(SERVICE_CONFIG.replace("123456789012", "12345"))
    assert "account must be 12 digits" in operator.run("backend/build", expect=USAGE).stderr


# --- Stacks ---


def test_service_makes_a_change_set(operator):
    operator.run("cfn/service")
    call = only(operator.calls("cloudformation deploy"))
    options = call["options"]
    assert options["stack-name"] == ["CrdTest"] and options["region"] == ["eu-test-1"]
    assert "no-execute-changeset" in options
    assert options["template-file"] == [str(PROJECT / "aws/cfn/service/template.yaml")]
    given = parameters(call)
    assert given["ImageUri"] == IMAGE  # it keeps what it runs
    assert given["MessageTable"] == 'messages "quoted"' and given["MaxTasks"] == "3"
    assert not os.path.exists(options["parameter-overrides"][0].removeprefix("file://"))


def test_service_is_executed_when_told(operator):
    operator.run("cfn/service", "--execute", "--image", "other:image")
    call = only(operator.calls("cloudformation deploy"))
    assert "no-execute-changeset" not in call["options"] and "no-fail-on-empty-changeset" in call["options"]
    assert parameters(call)["ImageUri"] == "other:image"


def test_the_first_service_runs_this_commit(operator):
    operator.answers["ecs describe-services"] = {"services": []}
    operator.run("cfn/service")
    given = parameters(only(operator.calls("cloudformation deploy")))
    assert given["ImageUri"] == "123456789012.dkr.ecr.eu-test-1.amazonaws.com/repository:v1"


def test_post_confirmation_is_told_where_its_secret_is(operator):
    """The stack has the parameter's path; nobody but the function reads the value."""
    done = operator.run("cfn/post-confirmation", "--execute", config="post-confirmation.toml")
    options = only(operator.calls("ssm get-parameter"))["options"]
    assert options["name"] == ["/cruddur/test/CONNECTION_URL"] and "with-decryption" not in options
    call = only(operator.calls("cloudformation deploy"))
    given = parameters(call)
    assert given["ParameterPrefix"] == "/cruddur/test" and given["ImageUri"] == IMAGE
    assert "ClusterName" not in given  # the service's parameters are not this stack's
    assert "s3cr" not in json.dumps(call) + done.stdout + done.stderr


def test_post_confirmation_without_the_parameter(operator):
    operator.answers["ssm get-parameter"] = {"fails": "ParameterNotFound"}
    done = operator.run("cfn/post-confirmation", config="post-confirmation.toml", expect=UNAVAILABLE)
    assert "Parameter Store has no /cruddur/test/CONNECTION_URL" in done.stderr
    assert operator.calls("cloudformation deploy") == []


@pytest.mark.parametrize("name", ["cicd", "machine-user", "sync"])
def test_other_stacks(operator, name):
    text = (PROJECT / "aws/cfn" / name / "config.toml").read_text().replace("= ''", "= 'x'")
    (operator.folder / "other.toml").write_text(text)
    operator.run(f"cfn/{name}", "--execute", config="other.toml")
    call = only(operator.calls("cloudformation deploy"))
    template = load_template(name)
    assert set(parameters(call)) <= set(template["Parameters"])


# --- Images ---


def test_build_and_push(operator):
    done = operator.run("backend/build", BASE_IMAGE="mirror/debian@sha256:0")
    uri = "123456789012.dkr.ecr.eu-test-1.amazonaws.com/repository:v1"
    assert done.stdout.strip() == uri
    words = operator.docker()
    assert words[0] == "build" and words[words.index("--tag") + 1] == uri and words[-1] == str(PROJECT)
    assert "BASE=mirror/debian@sha256:0" in words and "VERSION=v1" in words
    assert operator.run("backend/push").stdout.strip() == uri
    assert operator.docker()[-2:] == ["push", uri]


def test_what_is_not_committed_is_not_pushed(operator):
    done = operator.run("backend/push", expect=REFUSED, IMAGE_TAG="abc-dirty")
    assert "not committed" in done.stderr and operator.docker() == []


def test_a_bad_tag(operator):
    assert "is no tag" in operator.run("backend/build", expect=USAGE, IMAGE_TAG="a b").stderr


def test_the_commit_is_the_tag_in_codebuild(operator):
    done = operator.run("backend/build", IMAGE_TAG="", CODEBUILD_RESOLVED_SOURCE_VERSION="0123456789abcdef0123")
    assert done.stdout.strip().endswith(":0123456789ab")


def test_login_hides_the_password(operator):
    done = operator.run("ecr/login")
    assert operator.docker() == ["login", "--username", "AWS", "--password-stdin",
                                 "123456789012.dkr.ecr.eu-test-1.amazonaws.com"]
    assert (operator.folder / "password").read_text() == "the-password\n"
    assert "the-password" not in done.stdout + done.stderr


@pytest.fixture
def copied_scripts(tmp_path):
    """bin/ in a project of its own, into which scripts may write."""
    project = tmp_path / "a project"
    shutil.copytree(PROJECT / "bin", project / "bin")
    return project


def test_the_certificates_of_rds_are_fetched_once(operator, copied_scripts):
    authorities = pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    bundle = operator.folder / "bundle.pem"
    fetched = copied_scripts / "aws/rds/global-bundle.pem"

    def fetch(*arguments, expect=DONE):
        return operator.run("rds/fetch-certificates", *arguments, expect=expect, config=None, project=copied_scripts,
                            RDS_BUNDLE_URL=bundle.as_uri())

    assert "cannot be fetched" in fetch(expect=UNAVAILABLE).stderr
    for bad in ("<html>not here</html>", "", authorities[:3000]):
        bundle.write_text(bad)
        assert "no bundle of certificates" in fetch(expect=FAILED).stderr
    assert "would run: curl" in fetch("--dry-run").stderr
    assert not fetched.exists()
    bundle.write_text(authorities)
    assert f"{authorities.count('BEGIN CERTIFICATE')} certificates" in fetch().stderr
    bundle.write_text("gone")
    assert "--force" in fetch().stderr
    fetch("--force", expect=FAILED)
    assert fetched.read_text() == authorities


def test_login_without_credentials(operator):
    operator.answers["ecr get-login-password"] = {"fails": "Unable to locate credentials"}
    operator.run("ecr/login", expect=CREDENTIALS)
    assert operator.docker() == []


def test_run_is_as_on_ecs(operator):
    (operator.folder / "some.env").write_text("A=b\n")
    operator.run("backend/run", "--env-file", str(operator.folder / "some.env"), "--", "status", "--json")
    words = operator.docker()
    assert words[0] == "run" and "--read-only" in words and "no-new-privileges" in words
    assert words[words.index("--cap-drop") + 1] == "ALL" and words[-2:] == ["status", "--json"]
    done = operator.run("backend/run", "--env-file", "/nonexistent", expect=USAGE)
    assert "bin/backend/generate-env" in done.stderr


# --- Deployments ---


def test_register_fills_the_task_definition(operator):
    done = operator.run("backend/register")
    assert done.stdout.strip() == DEFINITION
    given = json.loads(only(operator.calls("ecs register-task-definition"))["files"]["cli-input-json"])
    assert "${" not in json.dumps(given)
    assert given["executionRoleArn"].endswith("role/execution") and given["taskRoleArn"].endswith("role/task")
    backend = container(given, "backend")
    assert backend["image"].endswith("/repository:v1")
    environment = {row["name"]: row["value"] for row in backend["environment"]}
    assert environment["DDB_MESSAGE_TABLE"] == 'messages "quoted"'
    assert backend["secrets"][0]["valueFrom"] == \
        "arn:aws:ssm:eu-test-1:123456789012:parameter/cruddur/test/CONNECTION_URL"


def container(definition, name):
    return only([row for row in definition["containerDefinitions"] if row["name"] == name])


def test_register_without_a_stack(operator):
    operator.answers["cloudformation describe-stacks"] = {"Stacks": [{"Outputs": []}]}
    done = operator.run("backend/register", expect=FAILED)
    assert "has no output" in done.stderr and operator.calls("ecs register-task-definition") == []


def test_deploy(operator):
    done = operator.run("backend/deploy", "--task-definition", DEFINITION)
    assert only(operator.calls("ecs update-service"))["options"]["task-definition"] == [DEFINITION]
    assert operator.calls("ecs wait services-stable") and "runs service:7" in done.stderr


def test_deploy_that_was_rolled_back_fails(operator):
    operator.answers["ecs describe-services"]["services"][0]["deployments"][1]["taskDefinition"] = "before"
    done = operator.run("backend/deploy", expect=FAILED)
    assert "was rolled back" in done.stderr and "before" in done.stderr


def test_deploy_that_never_ends_fails(operator):
    operator.answers["ecs wait services-stable"] = {"fails": "Waiter ServicesStable failed: Max attempts exceeded"}
    assert "not become stable" in operator.run("backend/deploy", expect=FAILED).stderr


def test_migrate_runs_in_the_service_s_network(operator):
    done = operator.run("backend/migrate", "--task-definition", "arn:new")
    options = only(operator.calls("ecs run-task"))["options"]
    assert options["task-definition"] == ["arn:new"] and json.loads(options["network-configuration"][0]) == NETWORK
    overrides = json.loads(options["overrides"][0])
    assert overrides == {"containerOverrides": [{"name": "backend", "command": ["migrate"]}]}
    assert "applied 2 migrations" in done.stderr
    assert only(operator.calls("logs get-log-events"))["options"]["log-stream-name"] == \
        ["backend/backend/0123456789abcdef"]


def test_another_command_in_a_task(operator):
    operator.run("backend/migrate", "--", "status", "--json")
    options = only(operator.calls("ecs run-task"))["options"]
    assert json.loads(options["overrides"][0])["containerOverrides"][0]["command"] == ["status", "--json"]
    assert options["task-definition"] == [DEFINITION]


def test_the_exit_code_is_the_migration_s(operator):
    operator.answers["ecs describe-tasks"]["tasks"][0]["containers"][1]["exitCode"] = 5
    assert "exit code 5" in operator.run("backend/migrate", expect=5).stderr


def test_a_task_that_never_ran(operator):
    operator.answers["ecs describe-tasks"]["tasks"][0] = {
        "stoppedReason": "CannotPullContainerError", "containers": [{"name": "backend"}]}
    assert "CannotPullContainerError" in operator.run("backend/migrate", expect=FAILED).stderr
    operator.answers["ecs run-task"] = {"tasks": []}
    assert "started no task" in operator.run("backend/migrate", expect=FAILED).stderr


def test_connect(operator):
    operator.run("backend/connect")
    options = only(operator.calls("ecs execute-command"))["options"]
    assert options["task"] == [TASK] and options["container"] == ["backend"] and "interactive" in options
    operator.answers["ecs describe-services"]["services"][0]["enableExecuteCommand"] = False
    assert "Shell = 'enabled'" in operator.run("backend/connect", expect=REFUSED).stderr


# --- The database's security group ---


def test_the_rule_is_changed(operator):
    operator.run("rds/update-sg-rule", "--ip", "192.0.2.7")
    options = only(operator.calls("ec2 modify-security-group-rules"))["options"]
    assert options["group-id"] == ["sg-db"]
    assert json.loads(options["security-group-rules"][0]) == [{
        "SecurityGroupRuleId": "sgr-mine",
        "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIpv4": "192.0.2.7/32",
                              "Description": "cruddur operator"}}]


def test_the_rule_is_added(operator):
    operator.run("rds/update-sg-rule", "--ip", "192.0.2.7", DB_RULE_DESCRIPTION="somebody new")
    options = only(operator.calls("ec2 authorize-security-group-ingress"))["options"]
    assert json.loads(options["ip-permissions"][0]) == [{
        "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
        "IpRanges": [{"CidrIp": "192.0.2.7/32", "Description": "somebody new"}]}]


@pytest.mark.parametrize("address", ["0.0.0.0/0", "256.1.1.1", "1.2.3", "x", "::1"])
def test_what_is_no_address_is_refused(operator, address):
    assert "no IPv4 address" in operator.run("rds/update-sg-rule", "--ip", address, expect=USAGE).stderr
    assert operator.calls() == []


# --- backend.env ---


@pytest.fixture
def clone(tmp_path):
    """The scripts without this tree's own settings."""
    shutil.copytree(PROJECT / "bin", tmp_path / "clone" / "bin")
    return tmp_path / "clone"


NEEDED = {"CONNECTION_URL": SECRET, "AWS_DEFAULT_REGION": "eu-test-1", "AWS_COGNITO_USER_POOL_ID": "pool",
          "AWS_COGNITO_USER_POOL_CLIENT_ID": "client"}


def test_generate_env(operator, clone):
    operator.run("backend/generate-env", project=clone, config=None, **NEEDED)
    file = clone / "backend.env"
    assert file.stat().st_mode & 0o777 == 0o600
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    assert lines["CONNECTION_URL"] == SECRET and lines["BACKEND_URL"] == "http://localhost:4567"
    assert "ROLLBAR_ACCESS_TOKEN" not in lines
    operator.run("backend/generate-env", project=clone, config=None, expect=REFUSED, **NEEDED)
    operator.run("backend/generate-env", "--force", project=clone, config=None, **{**NEEDED, "LOG_LEVEL": "debug"})
    assert "LOG_LEVEL=debug\n" in file.read_text()


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_generate_env_names_what_is_missing(operator, clone, name):
    settings = {key: value for key, value in NEEDED.items() if key != name}
    done = operator.run("backend/generate-env", project=clone, config=None, expect=USAGE, **settings)
    assert f"{name} is not set" in done.stderr and not (clone / "backend.env").exists()
    done = operator.run("backend/generate-env", project=clone, config=None, expect=USAGE, **{**NEEDED, name: "a\nB=c"})
    assert "more than one line" in done.stderr


# --- Templates ---


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as {its name: its value}."""


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", short_form)


def load_template(name):
    return yaml.load((PROJECT / "aws/cfn" / name / "template.yaml").read_text(), Loader)


def lower_first(value):
    """A task definition as the API spells it: keys begin small."""
    if isinstance(value, dict):
        return {key if key.startswith(("awslogs", "mode", "max-")) else key[0].lower() + key[1:]: lower_first(item)
                for key, item in value.items()}
    return [lower_first(item) for item in value] if isinstance(value, list) else value


def test_the_task_definition_is_the_template_s():
    """bin/backend/register and the stack start the same containers."""
    registered = json.loads((PROJECT / "aws/task-definitions/backend.json").read_text())
    template = load_template("service")
    of_stack = template["Resources"]["TaskDefinition"]["Properties"]
    for name in ("xray", "backend"):
        mine = container(registered, name)
        theirs = only([row for row in of_stack["ContainerDefinitions"] if row["Name"] == name])
        assert {key[0].lower() + key[1:] for key in theirs} == set(mine)
        for key in ("essential", "cpu", "memory", "memoryReservation", "user", "stopTimeout", "portMappings", "healthCheck",
                    "linuxParameters", "ulimits", "mountPoints", "restartPolicy"):
            assert mine.get(key) == lower_first(theirs.get(key[0].upper() + key[1:])), (name, key)
        for kind in ("environment", "secrets"):
            assert [row["name"] for row in mine.get(kind, [])] == \
                [row["Name"] for row in theirs.get(kind.capitalize(), [])]
    assert container(registered, "xray")["image"] == template["Parameters"]["XrayImageUri"]["Default"]
    assert registered["volumes"] == lower_first(of_stack["Volumes"])
    assert registered["cpu"] == of_stack["Cpu"] == "256" and registered["memory"] == of_stack["Memory"] == "512"


def test_settings_of_the_task_are_settings(monkeypatch):
    """Each variable that a task gets is one that the server reads."""
    document = (PROJECT / "docs/configuration.md").read_text()
    registered = json.loads((PROJECT / "aws/task-definitions/backend.json").read_text())
    backend = container(registered, "backend")
    for row in backend["environment"] + backend["secrets"]:
        assert f"`{row['name']}`" in document, row["name"]


@pytest.mark.parametrize("name", ["service", "cicd", "machine-user", "post-confirmation", "sync"])
def test_parameters_and_config_fit(name):
    parameters = load_template(name)["Parameters"]
    section, given = None, set()
    for line in (PROJECT / "aws/cfn" / name / "config.toml").read_text().splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == "[parameters]" and "=" in line and not line.startswith("#"):
            given.add(line.split("=")[0].strip())
    assert given <= set(parameters)
    by_script = {"ImageUri", "ParameterPrefix"} if name == "post-confirmation" else {"ImageUri"}
    assert {key for key, value in parameters.items() if "Default" not in value} - by_script <= given


def statements(template):
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for policy in properties.get("Policies", []):
            policy = policy["If"][1] if "If" in policy else policy
            documents.append(policy["PolicyDocument"])
        for document in documents:
            yield from document["Statement"]


KNOWS_NO_RESOURCE = ("ecr:GetAuthorizationToken", "xray:", "ssmmessages:", "ec2:", "ecs:RegisterTaskDefinition",
                     "ecs:DescribeTaskDefinition")


@pytest.mark.parametrize("name", ["service", "cicd", "machine-user", "post-confirmation", "sync"])
def test_least_rights(name):
    """No action and no resource is a wildcard, but for actions that know no resources."""
    template = load_template(name)
    for statement in statements(template):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert all("*" not in action for action in actions), statement
        if statement["Resource"] == "*":
            assert all(action.startswith(KNOWS_NO_RESOURCE) for action in actions), statement
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    assert "AWS::IAM::AccessKey" not in kinds


def test_the_function_s_group_admits_nobody():
    resources = load_template("post-confirmation")["Resources"]
    group = resources["FunctionSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    rules = [row["Properties"] for row in resources.values() if row["Type"] == "AWS::EC2::SecurityGroupIngress"]
    rule = only(rules)
    assert rule["GroupId"] == {"Ref": "DatabaseSecurityGroupId"}
    assert rule["SourceSecurityGroupId"] == {"Ref": "FunctionSecurityGroup"} and rule["FromPort"] == rule["ToPort"] == 5432


def test_the_function_reads_one_parameter():
    """No secret is in its environment; its role, and the endpoint that the stack makes, know one path."""
    template = load_template("post-confirmation")
    resources = template["Resources"]
    given = resources["Function"]["Properties"]["Environment"]["Variables"]
    assert given["CONNECTION_URL_PARAMETER"] == {"Sub": "${ParameterPrefix}/CONNECTION_URL"}
    assert set(given) == {"CONNECTION_URL_PARAMETER", "AWS_ENDPOINT_URL_SSM"}
    rows = [row for row in statements(template) if "ssm:" in str(row["Action"])]
    assert len(rows) == 2
    for row in rows:
        assert row["Action"] == "ssm:GetParameter"
        assert row["Resource"]["Sub"].endswith(":parameter${ParameterPrefix}/CONNECTION_URL")
    admitted = only(resources["EndpointSecurityGroup"]["Properties"]["SecurityGroupIngress"])
    assert admitted["SourceSecurityGroupId"] == {"Ref": "FunctionSecurityGroup"} and admitted["FromPort"] == 443
    assert resources["Endpoint"]["Properties"]["PrivateDnsEnabled"] is False
    assert not any(row.get("NoEcho") for row in template["Parameters"].values())


def test_the_task_role_reads_and_writes_one_table():
    policy = [row for row in statements(load_template("service")) if "dynamodb:Query" in row["Action"]]
    table, index = policy
    assert table["Resource"]["Sub"].endswith(":table/${MessageTable}")
    assert index["Resource"]["Sub"].endswith(":table/${MessageTable}/index/message-group-sk-index")
    assert index["Action"] == "dynamodb:Query"
    used = set(re.findall(r'"((?:Batch|Transact)?(?:GetItem|WriteItem|PutItem|UpdateItem|DeleteItem|Query|Scan)s?)"',
                          "".join(path.read_text() for path in [*(PROJECT / "src/lib/messages").glob("*.c"),
                                                                *(PROJECT / "src/lib/aws").glob("*.c")])))
    assert {f"dynamodb:{name}" for name in used} <= set(table["Action"])


def test_buildspec_runs_scripts_that_are_there():
    spec = yaml.safe_load((PROJECT / "buildspec.yml").read_text())
    commands = [command for phase in spec["phases"].values() for command in phase["commands"]]
    called = re.findall(r"(?<![\w/])(?:\./)?(bin/[\w/-]+)", "\n".join(commands))
    assert {"bin/test", "bin/backend/build", "bin/backend/push", "bin/backend/register", "bin/backend/migrate",
            "bin/backend/deploy"} <= set(called)
    for name in called:
        assert os.access(PROJECT / name, os.X_OK), name
    order = [called.index(f"bin/{name}") for name in ("test", "backend/push", "backend/register", "backend/migrate",
                                                      "backend/deploy")]
    assert order == sorted(order)


# --- The check of the templates ---

LINT = PROJECT / "tests/cfn/lint.js"
TEMPLATES = sorted((PROJECT / "aws/cfn").glob("*/template.yaml"))


def lint(*files):
    done = subprocess.run(["node", str(LINT), *map(str, files)], text=True, capture_output=True, timeout=60, check=False)
    assert not done.stderr
    return done


def test_the_templates_are_sound():
    done = lint(*TEMPLATES)
    assert done.returncode == DONE and done.stdout == ""


def test_the_check_finds_what_is_wrong(tmp_path):
    """One file with a breach of each kind."""
    changes = {"  Interval: 10": "  Intervall: 10", "Enable: true, Rollback": "Enable: maybe, Rollback",
               "!GetAtt TaskRole.Arn": "!GetAtt TaskRole.Ar", "!Ref LogLevel}": "!Ref LogLevl}",
               "DependsOn: DatabaseAdmitsTasks": "DependsOn: Nothing", "[HasShell, false": "[HasShel, false",
               "/ecs/${ServiceName}\n": "/ecs/${ServiceNam}\n", "AWS::ECS::Service\n": "AWS::ECS::Servise\n",
               "      VpcId: !Ref VpcId": "", "          IpProtocol: tcp": ""}
    text = (PROJECT / "aws/cfn/service/template.yaml").read_text()
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    (tmp_path / "template.yaml").write_text(text)
    done = lint(tmp_path / "template.yaml")
    assert done.returncode == FAILED
    for finding in ("there is no property Intervall", "has no attribute Ar", "LogLevl is neither",
                    "depends on Nothing", "there is no condition HasShel", "ServiceNam is neither",
                    "there is no type AWS::ECS::Servise", "Parameters.LogLevel: is not used", "Parameters.VpcId: is not used",
                    "IpProtocol is missing"):
        assert finding in done.stdout, finding


# --- The documents ---


def test_the_security_document_names_tests_that_are_there():
    for line in (PROJECT / "docs/security.md").read_text().splitlines():
        if not line.startswith("| "):
            continue
        text = ""
        for name in re.findall(r"`((?:tests/unit/)?test_\w+\.(?:py|c)|tests/image)`", line):
            path = PROJECT / (name if "/" in name else f"tests/integration/{name}")
            assert path.exists(), name
            files = path.rglob("*.py") if path.is_dir() else [path]
            text += "".join(file.read_text() for file in files)
        for names in re.findall(r"`(?:test_\w+\.py|tests/image)` \(([^)]*)\)", line):
            for name in re.findall(r"`(\w+)…?`", names):
                assert re.search(rf"def test_\w*{name}", text), name


def test_the_production_document_is_true_to_the_source():
    """Log messages, metrics and scripts that it names exist."""
    document = (PROJECT / "docs/production.md").read_text()
    source = "".join(path.read_text() for path in (PROJECT / "src").rglob("*.c"))
    table = document.split("| log message |")[1].split("\n\n")[0]
    for row in table.splitlines()[2:]:
        for message in re.findall(r"`([^`]+)`", row.split("|")[1]):
            assert f'"{message}"' in source or f'\\"{message}\\"' in source, message
    for metric in re.findall(r"`((?:cruddur|process)_\w+)", document):
        assert metric in source, metric
    for name in re.findall(r"(?<![\w/])(bin/[\w-]+/[\w-]+)", document):
        assert os.access(PROJECT / name, os.X_OK), name
