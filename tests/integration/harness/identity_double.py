"""A strict double of those who hand out credentials, and of a service that takes them: STS under
/sts, the portal of SSO under /sso, its OIDC under /oidc, a container endpoint under /container, the
instance metadata service under /imds, DynamoDB's ListTables under /dynamodb. See aws_double.py.

A key that is handed out is named after what it was handed out for, so that two clients with the same
files get the same one; signatures are checked with the secret that belongs to it."""

import datetime
import json
import time
import urllib.parse

from harness import sigv4_check
from harness.aws_double import Answer, Double, Refused

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def utc(seconds):
    """So many seconds from now, as AWS writes it."""
    moment = datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Identity(Double):
    def __init__(self):
        self.keys = {}  # access key id: (secret, session token or None)
        self.assumed = []  # (role's ARN, access key id of who asked, parameters)
        self.used = []  # access key ids that ListTables was signed with
        self.tokens = {}  # access tokens of SSO that are good: what may be asked with them
        self.renewals = {}  # refresh tokens: (new access token, new refresh token or None)
        self.asked = []  # paths, in order
        self.falters = []  # (part of a path, status, code, message): once each, in place of an answer
        super().__init__()

    def settings(self):
        """Where all of them are."""
        return {
            "AWS_DEFAULT_REGION": self.region, "AWS_ENDPOINT_URL_STS": f"{self.url}/sts",
            "AWS_ENDPOINT_URL_SSO": f"{self.url}/sso", "AWS_ENDPOINT_URL_SSO_OIDC": f"{self.url}/oidc",
            "AWS_ENDPOINT_URL_DYNAMODB": f"{self.url}/dynamodb",
        }  # fmt: skip

    def endpoints(self):
        """The same for botocore."""
        return {"sts": f"{self.url}/sts/", "sso": f"{self.url}/sso", "sso-oidc": f"{self.url}/oidc"}

    def add_key(self, name, token=None):
        """A key that is good: (id, secret, token)."""
        self.keys[f"AKID{name}"] = (f"secret-of-{name}", token)
        return f"AKID{name}", f"secret-of-{name}", token

    def hand_out(self, name):
        return self.add_key(name, f"session-of-{name}")

    def verify(self, call):
        pass  # each of them has another way

    def signer(self, call, service):
        match = sigv4_check.AUTHORIZATION.match(call.headers.get("authorization", ""))
        key = match.group(1) if match else None
        if key not in self.keys:
            raise Refused(403, "InvalidClientTokenId", f"{key} is no key")
        try:
            sigv4_check.check(call.method, call.target, call.headers, call.body, service, self.region,
                              key, *self.keys[key])
        except sigv4_check.BadSignature as error:
            raise Refused(403, "SignatureDoesNotMatch", str(error)) from error
        return key

    def answer(self, call):
        self.asked.append(call.path)
        if self.falters and self.falters[0][0] in call.path:
            raise Refused(*self.falters.pop(0)[1:])
        places = {"sts": self.sts, "sso": self.portal, "oidc": self.oidc, "container": self.container,
                  "imds": self.metadata, "dynamodb": self.dynamodb}  # fmt: skip
        return places[call.path.split("/")[1]](call)

    def refusal_body(self, code, message):
        if code.startswith("sts:"):
            return (f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code[4:]}'
                    f"</Code><Message>{message}</Message></Error></ErrorResponse>"), {}
        return json.dumps({"message": message}), {"x-amzn-ErrorType": f"{code}:http://internal"}

    # STS.

    def sts(self, call):
        if call.method != "POST" or call.target != "/sts/":
            raise Refused(404, "sts:NoSuchPath", f"{call.method} {call.target}")
        if not call.headers["content-type"].startswith("application/x-www-form-urlencoded"):
            raise Refused(400, "sts:BadType", call.headers["content-type"])
        form = dict(urllib.parse.parse_qsl(call.body.decode(), strict_parsing=True))
        if form.pop("Version") != "2011-06-15":
            raise Refused(400, "sts:InvalidAction")
        action, role = form.pop("Action"), form.pop("RoleArn")
        if action == "AssumeRole":
            try:
                by = self.signer(call, "sts")
            except Refused as refused:
                raise Refused(refused.status, f"sts:{refused.code}", refused.message) from refused
        elif action == "AssumeRoleWithWebIdentity" and form.pop("WebIdentityToken") == "the-token":
            by = None
        else:
            raise Refused(400, "sts:InvalidIdentityToken")
        if "denied" in role:
            raise Refused(403, "sts:AccessDenied", f"nobody may assume {role}")
        self.assumed.append((role, by, form))
        key, secret, token = self.hand_out(role.rpartition("/")[2])
        return Answer(200, (
            f'<{action}Response xmlns="{NAMESPACE}"><{action}Result><AssumedRoleUser>'
            f"<AssumedRoleId>AROA:x</AssumedRoleId><Arn>{role}</Arn></AssumedRoleUser><Credentials>"
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
            f"<SessionToken>{token}</SessionToken><Expiration>{utc(3600)}</Expiration></Credentials>"
            f"</{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
            f"</{action}Response>"), {"Content-Type": "text/xml"})  # fmt: skip

    # SSO.

    def portal(self, call):
        if call.method != "GET" or call.raw_path != "/sso/federation/credentials":
            raise Refused(404, "ResourceNotFoundException", call.target)
        if set(call.query) != {"role_name", "account_id"} or "authorization" in call.headers:
            raise Refused(400, "InvalidRequestException", call.target)
        if call.headers.get("x-amz-sso_bearer_token") not in self.tokens:
            raise Refused(401, "UnauthorizedException", "Session token not found or invalid")
        if call.query["role_name"] == "denied":
            raise Refused(403, "ForbiddenException", "No access")
        key, secret, token = self.hand_out(f"{call.query['role_name']}{call.query['account_id']}")
        return Answer(200, json.dumps({"roleCredentials": {
            "accessKeyId": key, "secretAccessKey": secret, "sessionToken": token,
            "expiration": int((time.time() + 3600) * 1000)}}))  # fmt: skip

    def oidc(self, call):
        if call.method != "POST" or call.target != "/oidc/token":
            raise Refused(404, "InvalidRequestException", call.target)
        form = json.loads(call.body)
        if (form.pop("clientId"), form.pop("clientSecret")) != ("client", "secret of the client"):
            raise Refused(401, "InvalidClientException")
        if form.pop("grantType") != "refresh_token" or set(form) != {"refreshToken"}:
            raise Refused(400, "UnsupportedGrantTypeException")
        if form["refreshToken"] not in self.renewals:
            raise Refused(400, "InvalidGrantException")
        access, refresh = self.renewals.pop(form["refreshToken"])
        self.tokens[access] = True
        answer = {"accessToken": access, "expiresIn": 3600, "tokenType": "Bearer"}
        if refresh:
            answer["refreshToken"] = refresh
        return Answer(200, json.dumps(answer))

    # Machines.

    def _machine(self, name):
        key, secret, token = self.hand_out(name)
        return Answer(200, json.dumps({"AccessKeyId": key, "SecretAccessKey": secret, "Token": token,
                                       "Expiration": utc(3600), "Code": "Success"}))

    def container(self, call):
        return self._machine("container")

    def metadata(self, call):
        path = call.path[len("/imds"):]
        if call.method == "PUT" and path == "/latest/api/token":
            return Answer(200, "session")
        if call.headers.get("x-aws-ec2-metadata-token") != "session":
            raise Refused(401, "Unauthorized")
        if path == "/latest/meta-data/iam/security-credentials/":
            return Answer(200, "instance")
        return self._machine("instance")

    # Who takes them.

    def dynamodb(self, call):
        if call.headers.get("x-amz-target") != "DynamoDB_20120810.ListTables":
            raise Refused(400, "UnknownOperationException")
        self.used.append(self.signer(call, "dynamodb"))
        return Answer(200, '{"TableNames":[]}')
