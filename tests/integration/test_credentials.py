"""Profiles of people's machines: whatever the files say, `cruddur` takes the credentials that
botocore takes, or neither of them finds any."""

import collections
import hashlib
import json
import os
import random
import stat
import threading

import botocore.credentials
import botocore.session
import botocore.tokens
import pytest

from harness.aws_double import Fault
from harness.identity_double import Identity, utc
from harness.server import run

EXIT_UNAVAILABLE, EXIT_DENIED = 5, 6


@pytest.fixture
def identity():
    double = Identity()
    yield double
    double.close()


class Machine:
    """A home folder with the two files, and both programs in it."""

    def __init__(self, identity, home, monkeypatch):
        self.identity, self.home, self.monkeypatch = identity, home, monkeypatch
        (home / ".aws" / "sso" / "cache").mkdir(parents=True)
        self.settings = {
            **identity.settings(), "HOME": str(home), "AWS_PROFILE": "p",
            "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    def write(self, config, credentials=""):
        for name, text in (("config", config), ("credentials", credentials)):
            (self.home / ".aws" / name).write_text(text.replace("HOME", str(self.home)))

    def sso_path(self, key):
        digest = hashlib.sha1(key.encode()).hexdigest()
        return self.home / ".aws" / "sso" / "cache" / f"{digest}.json"

    def log_in(self, key, token="good", seconds=3600, **more):
        self.identity.tokens["good"] = True
        cached = {"startUrl": "https://x", "accessToken": token, "expiresAt": utc(seconds), **more}
        self.sso_path(key).write_text(json.dumps(cached))

    def cruddur(self):
        """(the key that a call was signed with or None, what was said, the exit code)"""
        self.identity.used.clear()
        done = run("ddb", "list-tables", **self.settings)
        for secret, token in self.identity.keys.values():
            assert secret not in done.stderr and (not token or token not in done.stderr)
        assert len(self.identity.used) == (done.returncode == 0), done.stderr
        return (self.identity.used or [None])[0], done.stderr, done.returncode

    def botocore(self):
        """The key that botocore takes, or None."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            self.monkeypatch.delenv(name)
        for name, value in self.settings.items():
            self.monkeypatch.setenv(name, value)
        cache = str(self.home / ".aws" / "sso" / "cache")
        self.monkeypatch.setattr(botocore.credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", cache)
        self.monkeypatch.setattr(botocore.tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", cache)
        endpoints = self.identity.endpoints()

        class Session(botocore.session.Session):
            def create_client(self, service_name, *arguments, **options):
                options["endpoint_url"] = endpoints[service_name]
                return super().create_client(service_name, *arguments, **options)

        try:
            found = Session().get_credentials()
            frozen = found and found.get_frozen_credentials()
        except Exception:
            return None
        if not frozen or "\n" in frozen.access_key + frozen.secret_key:
            return None  # keys of two lines are no keys
        return frozen.access_key


@pytest.fixture
def machine(identity, tmp_path, monkeypatch):
    identity.add_key("own")
    identity.add_key("file")
    identity.add_key("env")
    identity.add_key("process", "session-of-process")
    (tmp_path / "token").write_text("the-token")
    (tmp_path / "keys.json").write_text(json.dumps({
        "Version": 1, "AccessKeyId": "AKIDprocess", "SecretAccessKey": "secret-of-process",
        "SessionToken": "session-of-process", "Expiration": utc(3600)}))  # fmt: skip
    return Machine(identity, tmp_path, monkeypatch)


OWN = "aws_access_key_id = AKIDown\naws_secret_access_key = secret-of-own\n"
FILE = "aws_access_key_id = AKIDfile\naws_secret_access_key = secret-of-file\n"
PROCESS = "credential_process = cat 'HOME/keys.json'\n"
WEB = "web_identity_token_file = HOME/token\nrole_arn = arn:aws:iam::1:role/web\n"
SSO = "sso_start_url = https://x\nsso_region = eu-west-1\nsso_role_name = dev\nsso_account_id = 42\n"
SESSION = "sso_session = me\nsso_role_name = dev\nsso_account_id = 42\n"
SSO_SESSION = "[sso-session me]\nsso_start_url = https://x\nsso_region = eu-west-1\n"


def role(name, rest=""):
    return f"role_arn = arn:aws:iam::1:role/{name}\n{rest}"


# The config file, the credentials file, the key (None: an error of both), more settings.
CASES = {
    "keys": (f"[profile p]\n{OWN}", "", "AKIDown"),
    "keys of the credentials file first": (f"[profile p]\n{OWN}", f"[p]\n{FILE}", "AKIDfile"),
    "role": (f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n{OWN}", "", "AKIDr"),
    "role, source in the credentials file": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n", f"[q]\n{FILE}", "AKIDr"),
    "role in the credentials file": (
        "", f"[p]\n{role('r', 'source_profile = q')}\n[q]\n{FILE}", "AKIDr"),
    "role before the profile's own keys": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n{OWN}[profile q]\n{FILE}", "", "AKIDr"),
    "role of itself": (f"[profile p]\n{role('r', 'source_profile = p')}\n{OWN}", "", "AKIDr"),
    "role of itself without keys": (f"[profile p]\n{role('r', 'source_profile = p')}\n", "", None),
    "roles in a row": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n"
        f"{role('s', 'source_profile = default')}\n[default]\n{OWN}", "", "AKIDr"),
    "roles in a row end at keys": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n{OWN}"
        f"{role('s', 'source_profile = p')}\n", "", "AKIDr"),
    "roles in a ring": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n"
        f"{role('s', 'source_profile = p')}\n", "", None),
    "role without a source": (f"[profile p]\n{role('r')}{OWN}", "", None),
    "role with two sources": (
        f"[profile p]\n{role('r', 'source_profile = q')}\ncredential_source = Environment\n"
        f"[profile q]\n{OWN}", "", None),
    "source without a role": (f"[profile p]\nsource_profile = q\n{OWN}", "", "AKIDown"),
    "source that does not exist": (f"[profile p]\n{role('r', 'source_profile = q')}", "", None),
    "source without credentials": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\nregion = x\n", "", None),
    "source with half of the keys": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\naws_access_key_id = x\n", "",
        None),
    "role that is refused": (
        f"[profile p]\n{role('denied', 'source_profile = q')}\n[profile q]\n{OWN}", "", None),
    "role by a key that is no good": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\naws_access_key_id = x\n"
        "aws_secret_access_key = y\n", "", None),
    "role of a web identity": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n{WEB}", "", "AKIDr"),
    "role of a program": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n{PROCESS}", "", "AKIDr"),
    "role of a login": (
        f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n{SSO}", "", "AKIDr"),
    "role of a container": (
        f"[profile p]\n{role('r', 'credential_source = EcsContainer')}\n", "", "AKIDr",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container"}),
    "role of no container": (
        f"[profile p]\n{role('r', 'credential_source = EcsContainer')}\n", "", None),
    "role of an instance": (
        f"[profile p]\n{role('r', 'credential_source = Ec2InstanceMetadata')}\n", "", "AKIDr",
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL/imds/", "AWS_EC2_METADATA_DISABLED": "false"}),
    "role of no instance": (
        f"[profile p]\n{role('r', 'credential_source = Ec2InstanceMetadata')}\n", "", None),
    "role of the environment, which comes first": (
        f"[profile p]\n{role('r', 'credential_source = Environment')}\n", "", "AKIDenv",
        {"AWS_ACCESS_KEY_ID": "AKIDenv", "AWS_SECRET_ACCESS_KEY": "secret-of-env"}),
    "role of an empty environment": (
        f"[profile p]\n{role('r', 'credential_source = Environment')}\n", "", None),
    "role of nonsense": (f"[profile p]\n{role('r', 'credential_source = environment')}\n", "", None),
    "web identity": (f"[profile p]\n{WEB}{OWN}", f"[p]\n{FILE}", "AKIDweb"),
    "role of a profile, token of the environment": (
        f"[profile p]\n{role('r')}", "", None, {"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token"}),
    "program": (f"[profile p]\n{PROCESS}", "", "AKIDprocess"),
    "program before the config file's keys": (f"[profile p]\n{OWN}{PROCESS}", "", "AKIDprocess"),
    "program after the credentials file's keys": (
        f"[profile p]\n{PROCESS}", f"[p]\n{FILE}", "AKIDfile"),
    "program in the credentials file": ("", f"[p]\n{PROCESS}", "AKIDprocess"),
    "program that fails": (f"[profile p]\ncredential_process = false\n{OWN}", "", None),
    "program without a shell": (
        "[profile p]\ncredential_process = cat HOME/keys.json; true\n", "", None),
    "login": (f"[profile p]\n{SSO}", "", "AKIDdev42"),
    "login before keys": (f"[profile p]\n{SSO}{OWN}{PROCESS}", f"[p]\n{FILE}", "AKIDdev42"),
    "login, refused": (f"[profile p]\n{SSO}".replace("dev", "denied"), "", None),
    "login, half": (f"[profile p]\nsso_account_id = 42\n{OWN}", "", None),
    "login elsewhere": (f"[profile p]\n{SSO}".replace("//x", "//y"), "", None),
    "start URL alone": (f"[profile p]\nsso_start_url = https://x\n{OWN}", "", "AKIDown"),
    "session": (f"[profile p]\n{SESSION}{SSO_SESSION}", "", "AKIDdev42"),
    "session, quoted": (
        f"[profile p]\n{SESSION}{SSO_SESSION}".replace("-session me", '-session "me"'), "",
        "AKIDdev42"),
    "session and profile agree": (f"[profile p]\n{SESSION}sso_region = eu-west-1\n{SSO_SESSION}", "", "AKIDdev42"),
    "session and profile disagree": (
        f"[profile p]\n{SESSION}sso_region = x\n{SSO_SESSION}", "", None),
    "session that does not exist": (f"[profile p]\n{SESSION}{SSO_SESSION}".replace(" me]", " you]"), "",
                                    None),
    "session alone": (f"[profile p]\nsso_session = me\n{OWN}{SSO_SESSION}", "", "AKIDown"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_choice_is_botocores(machine, identity, case):
    config, credentials, expected, *more = CASES[case]
    for name, value in (more[0] if more else {}).items():
        machine.settings[name] = value.replace("HOME", str(machine.home)).replace("URL", identity.url)
    machine.write(config, credentials)
    machine.log_in("https://x")
    machine.log_in("me")
    key, said, code = machine.cruddur()
    assert key == expected, said
    assert code in ((0,) if expected else (EXIT_DENIED,)), said
    ours = list(identity.asked[:-1] if expected else identity.asked), list(identity.assumed)
    identity.asked.clear()
    identity.assumed.clear()
    assert machine.botocore() == expected
    if expected:  # who was asked, in which order, and for which roles by whom
        assert list(dict.fromkeys(identity.asked)) == list(dict.fromkeys(ours[0]))
        asked = [[(role, by, set(form)) for role, by, form in each]
                 for each in (ours[1], identity.assumed)]  # fmt: skip
        assert asked[0] == asked[1]


def test_what_a_role_is_asked_for_with(machine, identity):
    machine.write(
        f"[profile p]\n{role('r', 'source_profile = q')}\nexternal_id = a/b c&d\n"
        f"role_session_name = me@x\nduration_seconds = 900\n[profile q]\n{OWN}"
    )
    machine.cruddur()
    machine.botocore()
    assert identity.assumed == 2 * [("arn:aws:iam::1:role/r", "AKIDown", {
        "RoleSessionName": "me@x", "ExternalId": "a/b c&d", "DurationSeconds": "900"})]  # fmt: skip


def test_a_role_that_is_refused_says_why(machine):
    machine.write(f"[profile p]\n{role('denied', 'source_profile = q')}\n[profile q]\n{OWN}")
    _, said, code = machine.cruddur()
    assert code == EXIT_DENIED
    assert "AccessDenied: nobody may assume arn:aws:iam::1:role/denied" in said


def test_a_code_that_nobody_can_type_is_refused(machine, identity):
    machine.write(
        f"[profile p]\n{role('r', 'source_profile = q')}\nmfa_serial = arn:aws:iam::1:mfa/x\n"
        f"[profile q]\n{OWN}"
    )
    _, said, code = machine.cruddur()
    assert code == EXIT_DENIED and "mfa_serial" in said
    assert not identity.asked


@pytest.mark.parametrize("session", [False, True])
def test_who_is_not_logged_in_is_told_how(machine, identity, session):
    key = "me" if session else "https://x"
    machine.write(f"[profile p]\n{SESSION if session else SSO}{SSO_SESSION if session else ''}")
    advice = "run aws sso login --profile p"
    _, said, code = machine.cruddur()
    assert code == EXIT_DENIED and "nobody has logged in" in said and advice in said
    machine.log_in(key, seconds=-1)
    _, said, code = machine.cruddur()
    assert code == EXIT_DENIED and "has expired" in said and advice in said
    for bad in ("", "{}", "[]", '{"accessToken": "x"}', '{"accessToken": "", "expiresAt": "%s"}' % utc(9),
                '{"accessToken": "x", "expiresAt": "soon"}'):  # fmt: skip
        machine.sso_path(key).write_text(bad)
        _, said, code = machine.cruddur()
        assert code == EXIT_DENIED and "holds no SSO token" in said and advice in said
    assert not identity.asked
    machine.log_in(key, token="bad")
    _, said, code = machine.cruddur()
    assert code == EXIT_DENIED and "has expired" in said and advice in said
    assert identity.asked == ["/sso/federation/credentials"]


CLIENT = {"clientId": "client", "clientSecret": "secret of the client", "refreshToken": "refresh",
          "registrationExpiresAt": utc(86400)}  # fmt: skip


@pytest.mark.parametrize("rotated", [None, "refresh again"])
@pytest.mark.parametrize("seconds", [-1, 60])
def test_the_token_of_a_session_is_renewed_and_kept(machine, identity, seconds, rotated):
    machine.write(f"[profile p]\n{SESSION}{SSO_SESSION}")
    machine.log_in("me", token="old", seconds=seconds, scopes=["x"], **CLIENT)
    identity.renewals["refresh"] = ("new", rotated)
    assert machine.cruddur()[0] == "AKIDdev42"
    kept = json.loads(machine.sso_path("me").read_text())
    assert kept == {
        "startUrl": "https://x", "accessToken": "new", "expiresAt": kept["expiresAt"], "scopes": ["x"],
        **CLIENT, "refreshToken": rotated or "refresh"}  # fmt: skip
    assert utc(3000) < kept["expiresAt"] <= utc(3600)
    assert stat.S_IMODE(machine.sso_path("me").stat().st_mode) == 0o600
    assert os.listdir(machine.sso_path("me").parent) == [machine.sso_path("me").name]
    assert machine.cruddur()[0] == "AKIDdev42"  # with the one that was kept
    assert identity.asked.count("/oidc/token") == 1
    assert machine.botocore() == "AKIDdev42"  # which other tools can use


@pytest.mark.parametrize("change", [
    {"clientSecret": "another"}, {"refreshToken": "another"}, {"registrationExpiresAt": utc(-1)},
    {"registrationExpiresAt": None}, {"clientId": None}, {"clientSecret": None}, {"refreshToken": 1},
])  # fmt: skip
def test_a_token_that_cannot_be_renewed_serves_until_it_expires(machine, identity, change):
    machine.write(f"[profile p]\n{SESSION}{SSO_SESSION}")
    identity.renewals["refresh"] = ("new", None)
    machine.log_in("me", seconds=60, **{**CLIENT, **change})
    before = machine.sso_path("me").read_text()
    assert machine.cruddur()[0] == "AKIDdev42"
    assert machine.sso_path("me").read_text() == before
    machine.log_in("me", seconds=-1, **{**CLIENT, **change})
    _, said, code = machine.cruddur()
    assert code == EXIT_DENIED and "run aws sso login --profile p" in said


def test_a_token_is_not_renewed_before_its_time(machine, identity):
    machine.write(f"[profile p]\n{SESSION}{SSO_SESSION}")
    machine.log_in("me", seconds=3600, **CLIENT)
    assert machine.cruddur()[0] == "AKIDdev42"
    machine.write(f"[profile p]\n{SSO}")
    machine.log_in("https://x", seconds=60, **CLIENT)  # the legacy form knows no renewal
    assert machine.cruddur()[0] == "AKIDdev42"
    assert "/oidc/token" not in identity.asked


def test_a_token_that_cannot_be_kept_is_used_all_the_same(machine, identity, start_server):
    machine.write(f"[profile p]\n{SESSION}{SSO_SESSION}")
    machine.log_in("me", token="old", seconds=-1, **CLIENT)
    identity.renewals["refresh"] = ("new", None)

    def remove_folder(call):
        if call.path == "/oidc/token":
            machine.sso_path("me").unlink()
            machine.sso_path("me").parent.rmdir()

    identity.before = remove_folder
    server = start_server(**machine.settings, DDB_MESSAGE_TABLE="messages")
    assert server.log.wait_for(message="AWS credentials are loaded")["source"] == "SSO of profile p"
    event = server.log.wait_for(message="the renewed SSO token cannot be kept")
    assert "No such file or directory" in event["reason"]
    for secret in ("old", "new", "refresh", "secret of the client", "session-of-dev42"):
        assert f'"{secret}"' not in server.log.text()


def test_a_server_takes_roles_and_says_whose(machine, start_server):
    machine.write(f"[profile p]\n{role('r', 'source_profile = q')}\n[profile q]\n{OWN}")
    server = start_server(**machine.settings, DDB_MESSAGE_TABLE="messages")
    assert server.log.wait_for(message="AWS credentials are loaded")["source"] == "role of profile p"
    assert "secret-of" not in server.log.text() and "session-of" not in server.log.text()


def test_a_server_ends_in_time_while_a_program_runs(machine, start_server):
    """The end of start_server() is what checks it."""
    os.mkfifo(machine.home / "started")
    machine.write("[profile p]\ncredential_process = sh -c 'echo > HOME/started; exec sleep 1000'\n")
    start_server(**machine.settings, DDB_MESSAGE_TABLE="messages")
    assert (machine.home / "started").read_text() == "\n"


def test_an_oidc_that_is_down_is_asked_again(machine, identity):
    machine.write(f"[profile p]\n{SESSION}{SSO_SESSION}")
    machine.log_in("me", token="old", seconds=-1, **CLIENT)
    machine.settings["AWS_ENDPOINT_URL_SSO_OIDC"] = "http://127.0.0.1:1"
    _, said, code = machine.cruddur()
    assert code == EXIT_UNAVAILABLE and "the renewal of the SSO token" in said


# Identity services that fail once.


FALTERING = {
    "web identity is throttled": [("/sts/", 400, "sts:Throttling", "Rate exceeded")],
    "the identity provider is slow": [("/sts/", 400, "sts:IDPCommunicationError", "no answer")],
    "a token is not known yet": [("/sts/", 400, "sts:InvalidIdentityToken", "no key for it")] * 2,
    "the container's endpoint is throttled": [("/container", 429, "TooManyRequests", "")],
    "a session with the metadata service is refused": [("/imds/latest/meta-data", 401, "", "")],
    "the metadata service fails": [("/imds/latest/api", 503, "", "")],
}


def use_source(machine, identity, name):
    """The profile or the machine's own source that a case is about; the key that it gives."""
    if "container" in name:
        machine.settings["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{identity.url}/container"
        key = "AKIDcontainer"
    elif "metadata" in name:
        machine.settings["AWS_EC2_METADATA_DISABLED"] = "false"
        machine.settings["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"{identity.url}/imds"
        key = "AKIDinstance"
    else:
        machine.write(f"[profile p]\n{WEB}")
        return "AKIDweb"
    machine.settings["AWS_PROFILE"] = None
    return key


@pytest.mark.parametrize("name", FALTERING)
def test_who_falters_once_is_asked_again(machine, identity, name):
    wanted = use_source(machine, identity, name)
    identity.falters = list(FALTERING[name])
    key, said, _ = machine.cruddur()
    assert key == wanted and not identity.falters, said


@pytest.mark.parametrize("path", ["/imds/latest/api/token", "/imds/latest/meta-data/", "/container"])
def test_a_reset_is_no_end(machine, identity, path):
    wanted = use_source(machine, identity, "metadata" if "imds" in path else "container")
    resets = [path]

    def once(call):
        return Fault.RESET_BEFORE if resets and resets[0] in call.path and resets.pop() else None

    identity.fault = once
    key, said, _ = machine.cruddur()
    assert key == wanted and not resets, said


def test_a_late_container_is_waited_for(machine, identity):
    wanted = use_source(machine, identity, "container")
    pause = threading.Event()
    identity.before = lambda call: pause.wait(3) if "/container" in call.path else None
    key, said, _ = machine.cruddur()
    assert key == wanted, said
    assert len([path for path in identity.asked if "container" in path]) == 1


def test_a_web_identity_that_stays_refused_says_why(machine, identity):
    machine.write(f"[profile p]\n{WEB}")
    identity.falters = [("/sts/", 400, "sts:InvalidIdentityToken", "no key for it")] * 10
    _, said, code = machine.cruddur()
    assert code == EXIT_UNAVAILABLE
    assert "InvalidIdentityToken: no key for it" in said


# Files as people write them.


LINES = [
    "[profile p]", "[profile p]", "[p]", "[profile 'p']", "[ profile p ]", "[profile  p] # mine",
    "[default]", "[profile default]", "[profile q]", "[q]", "[DEFAULT]", "[profilex p]", "[]", "[p",
    "", "", "   ", "# a comment", "  ; another = one", "region = eu-west-1", "Region: eu-west-2",
    "s3 =\n  max_concurrent_requests = 20\n  addressing_style = path", "s3 =\n  nonsense",
    "output", "= nothing", "role_session_name = a\n    longer name", "cli_pager =", "cli_pager=\n\n",
    "credential_process =\n  cat 'HOME/keys.json'", "credential_process = cat\n  'HOME/keys.json'",
    "credential_process = cat\n# in between\n\n   'HOME/keys.json'", "\f", "x = \u00e9", "a:b=c",
]  # fmt: skip


def made_up_file(generator):
    """Mostly keys; some of it makes no sense."""
    lines = [generator.choice(LINES[:8])]
    for _ in range(generator.randrange(1, 5)):
        indent = generator.choice(["", "", "", "  ", "\t", "    "])
        equals = generator.choice([" = ", "=", ":", " : ", " =  ", ": "])
        name = generator.choice(["aws_access_key_id", "AWS_Access_Key_Id"])
        key = f"{indent}{name}{equals}AKIDmade{generator.randrange(6)}"
        secret = f"{indent}aws_secret_access_key{equals}the-secret"
        some = generator.sample(LINES, generator.randrange(0, 3)) if generator.random() < 0.6 else []
        block = some + generator.choice([[key, secret], [key, "", secret], [key, "# c", secret], []])
        lines += block
        if generator.random() < 0.4:
            lines.append(generator.choice(LINES[:11]))
    return generator.choice(["\n", "\n", "\r\n"]).join(lines) + generator.choice(["", "\n"])


def test_files_are_read_as_botocore_reads_them(machine, identity):
    """100 files; with CRUDDUR_TEST_FULL=1 500."""
    for number in range(6):
        identity.keys[f"AKIDmade{number}"] = ("the-secret", None)
    generator = random.Random(20230520)
    found = collections.Counter()
    for number in range(500 if os.environ.get("CRUDDUR_TEST_FULL") == "1" else 100):
        config, credentials = made_up_file(generator), made_up_file(generator)
        if number % 3 == 0:
            credentials = ""
        machine.settings["AWS_PROFILE"] = generator.choice(["p", "p", "p", "default"])
        machine.write(config, credentials)
        wanted = machine.botocore()
        key, said, _ = machine.cruddur()
        assert key == wanted, f"{config}\n---\n{credentials}\n---\n{machine.settings}\n{said}"
        found[key is None] += 1
    assert min(found.values()) >= 5, found
