"""A strict double of S3: verifies signatures, body hashes and Content-MD5, encodings, the cap of a
thousand keys, the conditions of writes; pages its lists; and fails as it is told. See aws_double.py.

    s3 = S3Double();  s3.put("index.html", b"…");  s3.objects["index.html"].data
"""

import base64
import binascii
import datetime
import hashlib
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from harness.aws_double import Answer, Double, Refused

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding",
        "content-language")
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Object:
    def __init__(self, data, headers=None, etag=None, kms=False, modified=None):
        self.data = data
        self.headers = headers or {}
        md5 = hashlib.md5(data).hexdigest()
        self.etag = etag or (hashlib.md5(b"kms" + data).hexdigest() if kms else md5)
        self.kms = kms
        self.modified = int(time.time() if modified is None else modified)

    def answer_headers(self):
        stamp = datetime.datetime.fromtimestamp(self.modified, datetime.timezone.utc)
        headers = {"ETag": f'"{self.etag}"',
                   "Last-Modified": stamp.strftime("%a, %d %b %Y %H:%M:%S GMT"),
                   "Accept-Ranges": "bytes", **self.headers}
        headers.setdefault("content-type", "binary/octet-stream")
        if self.kms:
            headers["x-amz-server-side-encryption"] = "aws:kms"
        return headers


def multipart_etag(data, part):
    parts = [hashlib.md5(data[at : at + part]).digest() for at in range(0, len(data), part)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


def iso(seconds):
    stamp = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class S3Double(Double):
    service = "s3"

    def __init__(self, bucket="build.test"):
        self.bucket = bucket
        self.objects = {}
        self.kms = False  # every new object is encrypted with KMS
        self.page = 1000
        self.delete_errors = {}  # key → how often its deletion fails, and with which code
        self.ordered = None  # sorted keys; None: to be sorted again
        self.conditions = "kept"  # of writes; or "ignored", or "unknown" (501), as elsewhere
        self.versions = None  # key → [(id, bytes or None for a deletion)]; None: not versioned
        self.conflicts = 0  # so many conditional writes meet another one under way
        super().__init__()

    # For tests.

    def put(self, key, data, headers=None, **more):
        self.ordered = None
        self.objects[key] = Object(data, headers, **{"modified": self.now(), **more})

    def keys(self):
        """What is there but the sync's own."""
        return {key for key in self.objects if ".cruddur/" not in key}

    def content(self):
        return {key: self.objects[key].data for key in self.keys()}

    # The service.

    def refusal_body(self, code, message):
        body = (f"{DECLARATION}<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
                "<RequestId>1</RequestId></Error>")
        return body, {"Content-Type": "application/xml"}

    def answer(self, call):
        self._check_encoding(call)
        bucket, _, key = call.path[1:].partition("/")
        if bucket == "" and call.method == "GET":
            return self._buckets()
        if bucket != self.bucket:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
        if not key:
            return self._bucket(call)
        action = {"GET": self._get, "HEAD": self._get, "PUT": self._put, "DELETE": self._delete}
        if call.method not in action:
            raise Refused(405, "MethodNotAllowed")
        return action[call.method](call, key)

    @staticmethod
    def _check_encoding(call):
        if call.ours and call.raw_path != urllib.parse.quote(call.path, safe="/-_.~"):
            raise Refused(400, "InvalidURI", call.raw_path)
        if len(call.path.encode()) > 1024 + 70:
            raise Refused(400, "KeyTooLongError")

    def _buckets(self):
        return Answer(200, f'{DECLARATION}<ListAllMyBucketsResult xmlns="{NAMESPACE}"><Buckets>'
                      f"<Bucket><Name>{self.bucket}</Name><CreationDate>{iso(0)}</CreationDate>"
                      "</Bucket></Buckets></ListAllMyBucketsResult>")

    def _bucket(self, call):
        if call.method == "HEAD":
            return Answer(200, b"", {"x-amz-bucket-region": self.region})
        if call.method == "POST" and "delete" in call.query:
            return self._delete_many(call)
        if call.method != "GET":
            raise Refused(405, "MethodNotAllowed")
        if "location" in call.query:
            return Answer(200, f'{DECLARATION}<LocationConstraint xmlns="{NAMESPACE}">'
                          f"{self.region}</LocationConstraint>")
        if any(name in call.query for name in ("versioning", "policy", "acl", "lifecycle")):
            raise Refused(501, "NotImplemented")
        if "versions" in call.query:
            return self._list_versions(call.query)
        return self._list(call.query)

    def _list(self, query):
        v2 = query.get("list-type") == "2"
        limit = int(query.get("max-keys", 1000))
        if limit < 0:
            raise Refused(400, "InvalidArgument", "max-keys")
        limit = min(limit, self.page)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("start-after" if v2 else "marker", "")
        if "continuation-token" in query:
            try:
                after = base64.b64decode(query["continuation-token"], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise Refused(400, "InvalidArgument", "continuation-token") from error
        if self.ordered is None:
            self.ordered = sorted(self.objects, key=str.encode)
        entries, folders, last, truncated = [], [], "", False
        for key in self.ordered:
            if not key.startswith(prefix) or key.encode() <= after.encode():
                continue
            folder = None
            if delimiter and delimiter in key[len(prefix):]:
                end = key.index(delimiter, len(prefix)) + len(delimiter)
                folder = key[:end]
                if folder in folders or after.startswith(folder):
                    last = key
                    continue
            if len(entries) + len(folders) == limit:
                truncated = True
                break
            (folders if folder else entries).append(folder or key)
            last = key
        return Answer(200, self._list_body(query, v2, entries, folders, last, truncated),
                      {"Content-Type": "application/xml"})

    def _list_body(self, query, v2, entries, folders, last, truncated):
        url = query.get("encoding-type") == "url"

        def name(key):
            return urllib.parse.quote_plus(key, safe="/-_.*") if url else escape(key)

        parts = [f'{DECLARATION}<ListBucketResult xmlns="{NAMESPACE}"><Name>{self.bucket}</Name>'
                 f"<Prefix>{name(query.get('prefix', ''))}</Prefix>"
                 f"<MaxKeys>{query.get('max-keys', 1000)}</MaxKeys>"]
        if url:
            parts.append("<EncodingType>url</EncodingType>")
        if v2:
            parts.append(f"<KeyCount>{len(entries) + len(folders)}</KeyCount>")
        parts.append(f"<IsTruncated>{str(truncated).lower()}</IsTruncated>")
        if truncated and v2:
            token = base64.b64encode(last.encode()).decode()
            parts.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
        elif truncated:
            parts.append(f"<NextMarker>{name(last)}</NextMarker>")
        for key in entries:
            item = self.objects[key]
            parts.append(f"<Contents><Key>{name(key)}</Key>"
                         f"<LastModified>{iso(item.modified)}</LastModified>"
                         f"<ETag>&quot;{item.etag}&quot;</ETag><Size>{len(item.data)}</Size>"
                         "<StorageClass>STANDARD</StorageClass></Contents>")
        for folder in folders:
            parts.append(f"<CommonPrefixes><Prefix>{name(folder)}</Prefix></CommonPrefixes>")
        parts.append("</ListBucketResult>")
        return "".join(parts)

    def _get(self, call, key):
        if key not in self.objects:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        item = self.objects[key]
        headers = item.answer_headers()
        if call.method == "HEAD":
            headers["Content-Length"] = str(len(item.data))
        return Answer(200, item.data, headers)

    def _put(self, call, key):
        if "x-amz-copy-source" in call.headers:
            return self._copy(call, key)
        md5 = call.headers.get("content-md5")
        if call.ours and not md5:
            raise Refused(400, "InvalidDigest", "no Content-MD5")
        if md5 and base64.b64decode(md5) != hashlib.md5(call.body).digest():
            raise Refused(400, "BadDigest")
        self._check_conditions(call, key)
        self._store(key, call.body, self._kept(call))
        headers = {"ETag": f'"{self.objects[key].etag}"'}
        return Answer(200, b"", headers)

    def _check_conditions(self, call, key):
        """As the page "Conditional writes" of S3's user guide says."""
        absent, match = call.headers.get("if-none-match"), call.headers.get("if-match")
        if (absent is None and match is None) or self.conditions == "ignored":
            return
        if self.conditions == "unknown" or (absent not in (None, "*")) or (absent and match):
            raise Refused(501, "NotImplemented", "a header that is not implemented",
                          defect=self.conditions != "unknown")
        if self.conflicts > 0:
            self.conflicts -= 1
            raise Refused(409, "ConditionalRequestConflict", "try again", defect=False)
        if match and key not in self.objects:
            raise Refused(404, "NoSuchKey", key)
        if key in self.objects if absent else match != f'"{self.objects[key].etag}"':
            raise Refused(412, "PreconditionFailed", "a pre-condition did not hold", defect=False)

    @staticmethod
    def _kept(call):
        return {name: value for name, value in call.headers.items()
                if name in KEPT or name.startswith("x-amz-meta-")}

    def _store(self, key, data, headers):
        if key not in self.objects:
            self.ordered = None
        self.objects[key] = Object(data, headers, kms=self.kms, modified=self.now())
        self._note_version(key, data)

    def _copy(self, call, key):
        source = call.headers["x-amz-copy-source"]
        if call.ours and urllib.parse.quote(urllib.parse.unquote(source), safe="/-_.~") != source:
            raise Refused(400, "InvalidArgument", "copy source")
        bucket, _, name = urllib.parse.unquote(source).lstrip("/").partition("/")
        if bucket != self.bucket or name not in self.objects:
            raise Refused(404, "NoSuchKey", source)
        wanted = call.headers.get("x-amz-copy-source-if-match", "").strip('"')
        if wanted and wanted != self.objects[name].etag:
            raise Refused(412, "PreconditionFailed")
        replace = call.headers.get("x-amz-metadata-directive") == "REPLACE"
        if name == key and not replace:
            raise Refused(400, "InvalidRequest", "a copy onto itself that changes nothing")
        headers = self._kept(call) if replace else dict(self.objects[name].headers)
        self._store(key, self.objects[name].data, headers)
        return Answer(200, f'{DECLARATION}<CopyObjectResult xmlns="{NAMESPACE}">'
                      f"<ETag>&quot;{self.objects[key].etag}&quot;</ETag><LastModified>"
                      f"{iso(self.objects[key].modified)}</LastModified></CopyObjectResult>")

    def _note_version(self, key, data):
        if self.versions is not None:
            versions = self.versions.setdefault(key, [])
            versions.append((f"v{len(versions)}-{key[:3]}", data))

    def _list_versions(self, query):
        prefix = query.get("prefix", "")
        rows = ([(key, *version) for key, all_of in sorted(self.versions.items()) for version in all_of]
                if self.versions is not None
                else [(key, "null", item.data) for key, item in sorted(self.objects.items())])
        rows = [row for row in rows if row[0].startswith(prefix)]
        start = int(query.get("version-id-marker", "0") or 0)
        parts = []
        for key, name, data in rows[start : start + self.page]:
            kind = "DeleteMarker" if data is None else "Version"
            parts.append(f"<{kind}><Key>{urllib.parse.quote_plus(key, safe='/-_.*')}</Key>"
                         f"<VersionId>{name}</VersionId></{kind}>")
        more = len(rows) > start + self.page
        if more:
            last = urllib.parse.quote_plus(rows[start + self.page - 1][0], safe="/-_.*")
            parts.append(f"<NextKeyMarker>{last}</NextKeyMarker>"
                         f"<NextVersionIdMarker>{start + self.page}</NextVersionIdMarker>")
        return Answer(200, f'{DECLARATION}<ListVersionsResult xmlns="{NAMESPACE}">'
                      f"<IsTruncated>{str(more).lower()}</IsTruncated>{''.join(parts)}"
                      "</ListVersionsResult>", {"Content-Type": "application/xml"})

    def _delete(self, call, key):
        if "versionId" in call.query:
            name = call.query["versionId"]
            kept = [one for one in (self.versions or {}).get(key, []) if one[0] != name]
            if self.versions is not None:
                self.versions[key] = kept
            return Answer(204)
        if self.objects.pop(key, None):
            self.ordered = None
            self._note_version(key, None)
        return Answer(204)

    def _delete_many(self, call):
        md5 = call.headers.get("content-md5")
        if not md5 or base64.b64decode(md5) != hashlib.md5(call.body).digest():
            raise Refused(400, "InvalidDigest", "DeleteObjects needs a Content-MD5")
        try:
            root = ElementTree.fromstring(call.body)
        except ElementTree.ParseError as error:
            raise Refused(400, "MalformedXML", str(error)) from error
        keys = [item.text for item in root.findall(f"{{{NAMESPACE}}}Object/{{{NAMESPACE}}}Key")]
        keys = keys or [item.text for item in root.findall("Object/Key")]
        if not 1 <= len(keys) <= 1000:
            raise Refused(400, "MalformedXML", f"{len(keys)} keys")
        call.keys = keys
        quiet = (root.findtext(f"{{{NAMESPACE}}}Quiet") or root.findtext("Quiet")) == "true"
        parts = []
        for key in keys:
            times, code = self.delete_errors.get(key, (0, None))
            if times > 0:
                self.delete_errors[key] = (times - 1, code)
                parts.append(f"<Error><Key>{escape(key)}</Key><Code>{code}</Code>"
                             "<Message>not now</Message></Error>")
                continue
            if self.objects.pop(key, None):
                self.ordered = None
                self._note_version(key, None)
            if not quiet:
                parts.append(f"<Deleted><Key>{escape(key)}</Key></Deleted>")
        return Answer(200, f'{DECLARATION}<DeleteResult xmlns="{NAMESPACE}">{"".join(parts)}'
                      "</DeleteResult>")
