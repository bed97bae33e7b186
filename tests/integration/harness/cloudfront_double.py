"""A strict double of CloudFront's invalidations, with the caches that they are for: it validates
what it receives as AWS would, and forgets what AWS would forget. See aws_double.py.

    cdn = CloudFrontDouble(s3);  cdn.warm();  …;  cdn.stale()
"""

import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

from harness.aws_double import Answer, Double, Refused

NAMESPACE = "{http://cloudfront.amazonaws.com/doc/2020-05-31/}"
PATH = re.compile(r"^/2020-05-31/distribution/([A-Z0-9]+)/invalidation(?:/([A-Z0-9]+))?$")
UNSAFE = set(' <>"#%{}|\\^[]`')  # RFC 1738; '~' is accepted and then not purged
HASHED = re.compile(r"[.-][0-9a-f]{8,}\.")


def encode(key):
    """A key as browsers ask for it: the cache's own spelling."""
    return "".join(c if c not in UNSAFE and c != "?" and "!" <= c <= "~" else
                   urllib.parse.quote(c, safe="") for c in key)


class CloudFrontDouble(Double):
    service = "cloudfront"
    region = "us-east-1"

    def __init__(self, s3, distribution="E1DOUBLE"):
        self.s3 = s3
        self.distribution = distribution
        self.cache = {}  # path → the ETag that the edge answers with
        self.batches = {}  # caller reference → (id, paths)
        self.invalidations = {}  # id → how often it still answers InProgress
        self.paid = []  # the paths of each invalidation that was created
        self.busy = 0  # so many creations are refused for too many in progress
        self.polls = 0  # a new invalidation answers InProgress so often
        super().__init__()

    # For tests: the edges.

    def warm(self):
        """Somebody asks for everything that is there."""
        for key in self.s3.keys():
            etag = self.s3.objects[key].etag
            self.cache["/" + encode(key)] = (key, etag)
            if key == "index.html" or key.endswith("/index.html"):
                self.cache["/" + encode(key[: -len("index.html")])] = (key, etag)

    def stale(self):
        """The paths that the edges answer with what is not in the bucket any more."""
        return {path for path, (key, etag) in self.cache.items()
                if not HASHED.search(key)
                and (key not in self.s3.objects or self.s3.objects[key].etag != etag)}

    def purge(self, path):
        if path.endswith("*"):
            for cached in [one for one in self.cache if one.startswith(path[:-1])]:
                del self.cache[cached]
        elif "~" not in path:
            self.cache.pop(path, None)

    # The service.

    def refusal_body(self, code, message):
        return (f'<?xml version="1.0"?>\n<ErrorResponse xmlns="{NAMESPACE[1:-1]}"><Error>'
                f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
                "<RequestId>1</RequestId></ErrorResponse>", {"Content-Type": "text/xml"})

    def answer(self, call):
        match = PATH.match(call.path)
        if not match:
            raise Refused(404, "NoSuchResource", call.path)
        if match.group(1) != self.distribution:
            raise Refused(404, "NoSuchDistribution")
        if call.method == "GET" and match.group(2):
            return self._get(match.group(2))
        if call.method != "POST" or match.group(2):
            raise Refused(405, "MethodNotAllowed")
        return self._create(call)

    def _get(self, name):
        if name not in self.invalidations:
            raise Refused(404, "NoSuchInvalidation")
        left = self.invalidations[name]
        self.invalidations[name] = max(0, left - 1)
        return self._describe(200, name, left == 0)

    def _describe(self, status, name, completed):
        state = "Completed" if completed else "InProgress"
        return Answer(status, f'<?xml version="1.0"?>\n<Invalidation xmlns="{NAMESPACE[1:-1]}">'
                      f"<Id>{name}</Id><Status>{state}</Status>"
                      "<CreateTime>2023-05-20T23:44:59Z</CreateTime></Invalidation>",
                      {"Content-Type": "text/xml"})

    def _create(self, call):
        paths, reference = self._read_batch(call)
        call.paths = paths
        if reference in self.batches:
            name, before = self.batches[reference]
            if before != paths:
                raise Refused(400, "InvalidArgument", "caller reference with other paths")
            return self._describe(201, name, self.invalidations[name] == 0)
        if self.busy > 0:
            self.busy -= 1
            call.ours = False  # no defect of ours
            raise Refused(400, "TooManyInvalidationsInProgress", "wait")
        name = f"I{len(self.batches):09d}"
        self.batches[reference] = (name, paths)
        self.invalidations[name] = self.polls
        self.paid.append(paths)
        for path in paths:
            self.purge(path)
        return self._describe(201, name, self.polls == 0)

    def _read_batch(self, call):
        if not call.headers.get("content-type", "").startswith(("text/xml", "application/xml")):
            raise Refused(400, "MalformedInput", "no XML")
        try:
            root = ElementTree.fromstring(call.body)
        except ElementTree.ParseError as error:
            raise Refused(400, "MalformedXML", str(error)) from error
        if [child.tag for child in root] != [NAMESPACE + "Paths", NAMESPACE + "CallerReference"]:
            raise Refused(400, "MalformedXML", "order")
        paths = [item.text or "" for item in root.findall(f"{NAMESPACE}Paths/{NAMESPACE}Items/*")]
        if root.findtext(f"{NAMESPACE}Paths/{NAMESPACE}Quantity") != str(len(paths)) or not paths:
            raise Refused(400, "InconsistentQuantities")
        reference = root.findtext(f"{NAMESPACE}CallerReference")
        if not reference or len(reference) > 128:
            raise Refused(400, "InvalidArgument", "caller reference")
        if len(paths) > 3000 or sum(path.endswith("*") for path in paths) > 15:
            raise Refused(413, "BatchTooLarge")
        if len(set(paths)) != len(paths):
            raise Refused(400, "InvalidArgument", "a path twice")
        for path in paths:
            self._check_path(path)
        return paths, reference

    @staticmethod
    def _check_path(path):
        rest = path[:-1] if path.endswith("*") else path
        decoded = urllib.parse.unquote(rest, errors="strict")
        if not path.startswith("/") or "*" in rest or encode(decoded[0:]) != rest:
            raise Refused(400, "InvalidArgument", f"path {path}")
