"""An HTTP answer."""

import json


class Answer:
    def __init__(self, status, headers, body=b""):
        self.status = status
        self.headers = headers  # list of (name, value)
        self.body = body

    @classmethod
    def from_head(cls, head):
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        return cls(status, headers)

    def header(self, name, default=None):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else default

    def header_items(self, name):
        """The elements of a comma-separated header."""
        return {item.strip() for item in (self.header(name) or "").split(",") if item.strip()}

    def json(self):
        return json.loads(self.body.decode("utf-8"))

    def expect(self, status, body=None):
        """Checks the status, and the JSON body where one is given; returns the JSON body."""
        assert self.status == status, f"{self.status} {self.body[:500]!r}, expected {status} {body}"
        answered = self.json() if self.body else None
        if body is not None:
            assert answered == body
        return answered
