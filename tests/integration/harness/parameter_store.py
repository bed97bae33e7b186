"""A strict double of Parameter Store: GetParameter of SecureStrings, signatures checked. See
aws_double.py."""

import json

from harness.aws_double import Answer, Double, Refused


class ParameterStore(Double):
    service = "ssm"
    token = "session-of-the-function"

    def __init__(self):
        self.parameters = {}
        self.denied = False
        super().__init__()

    def settings(self):
        """What Lambda gives a function, and where this is."""
        return {
            "AWS_REGION": self.region, "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_SESSION_TOKEN": self.token,
            "AWS_ENDPOINT_URL_SSM": self.url,
        }  # fmt: skip

    def answer(self, call):
        if call.method != "POST" or call.target != "/":
            raise Refused(404, "UnknownOperationException", f"{call.method} {call.target}")
        if call.headers.get("x-amz-target") != "AmazonSSM.GetParameter":
            raise Refused(400, "UnknownOperationException", call.headers.get("x-amz-target"))
        if call.headers.get("content-type") != "application/x-amz-json-1.1":
            raise Refused(400, "SerializationException", call.headers.get("content-type"))
        wanted = json.loads(call.body)
        if set(wanted) != {"Name", "WithDecryption"} or wanted["WithDecryption"] is not True:
            raise Refused(400, "ValidationException", f"{wanted}")
        if self.denied:
            raise Refused(400, "AccessDeniedException", "not authorized to perform: ssm:GetParameter")
        if wanted["Name"] not in self.parameters:
            raise Refused(400, "ParameterNotFound")
        value = self.parameters[wanted["Name"]]
        answer = {
            "Name": wanted["Name"], "Type": "SecureString", "Value": value, "Version": 1,
            "LastModifiedDate": 1684626299.123, "DataType": "text",
        }  # fmt: skip
        return Answer(200, json.dumps({"Parameter": answer}), {"Content-Type": call.headers["content-type"]})

    def refusal_body(self, code, message):
        body = {"__type": code}
        if message:
            body["message"] = message
        return json.dumps(body), {"Content-Type": "application/x-amz-json-1.1"}
