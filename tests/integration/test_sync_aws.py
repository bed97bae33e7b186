"""How `cruddur sync` reaches AWS, and what people read when it does not."""

import http.server
import ssl
import subprocess
import threading

import pytest

from harness.aws_double import Answer, Refused
from harness.site import Site

KEYS = b"aws_access_key_id = AKIDDOUBLE\naws_secret_access_key = secret-of-the-doubles\n"
CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    site.write("index.html", "1")
    yield site
    site.close()


def profile(site, config=b"[default]\nregion = ca-central-1\n", credentials=b"[default]\n" + KEYS):
    folder = site.folder / ".aws"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_bytes(config)
    (folder / "credentials").write_bytes(credentials)
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_DEFAULT_REGION": ""}


def refuse(double, fits, refused, headers=None, body=None):
    answer = double.answer

    def refuse_some(call):
        if not fits(call):
            return answer(call)
        text, usual = double.refusal_body(refused.code, refused.message)
        return Answer(refused.status, body or text, {**usual, **(headers or {})})

    double.answer = refuse_some


@pytest.fixture(scope="module")
def private_ca(tmp_path_factory):
    """A server of an empty bucket whose certificate a CA of its own has signed: URL, CA's file."""
    folder = tmp_path_factory.mktemp("ca")
    run = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for command in ([*run, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca"],
                    [*run, "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=localhost"],
                    ["openssl", "x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-out", "s.pem", "-days", "2", "-extfile", "ext"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            body = (b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><KeyCount>0'
                    b"</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "s.pem", folder / "s.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}", folder / "ca.pem"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name, code", [(None, 5), ("AWS_CA_BUNDLE", 3), ("SSL_CERT_FILE", 3),
                                        ("ca_bundle", 3)])
def test_a_private_ca_is_trusted_where_it_is_named(site, private_ca, name, code):
    url, bundle = private_ca
    settings = {"AWS_ENDPOINT_URL_S3": url, "AWS_MAX_ATTEMPTS": "1"}
    if name == "ca_bundle":
        settings |= profile(site, f"[default]\nregion = ca-central-1\nca_bundle = {bundle}\n".encode())
    elif name:
        settings[name] = str(bundle)
    assert site.sync("plan", **settings).returncode == code


def test_this_machine_is_never_reached_by_a_proxy(site):
    site.deploy(http_proxy=CLOSED, HTTP_PROXY=CLOSED, https_proxy=CLOSED, all_proxy=CLOSED)
    url = site.s3.url.replace("127.0.0.1", "localhost")
    assert site.sync("plan", http_proxy=CLOSED, AWS_ENDPOINT_URL_S3=url).returncode == 0


class Proxy(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_CONNECT(self):
        self.server.asked.append(self.path)
        self.send_error(502)


def test_other_hosts_go_by_the_proxy_but_for_no_proxy(site):
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.asked = []
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    settings = {"AWS_ENDPOINT_URL_S3": "https://s3.example.invalid",
                "https_proxy": f"http://127.0.0.1:{proxy.server_address[1]}"}
    assert site.sync("plan", **settings).returncode == 5
    assert proxy.asked and set(proxy.asked) == {"s3.example.invalid:443"}
    proxy.asked.clear()
    assert site.sync("plan", NO_PROXY=".example.invalid", **settings).returncode == 5
    assert not proxy.asked
    proxy.shutdown()
    proxy.server_close()


@pytest.mark.parametrize("config", [
    b"[default]\nregion = ca-central-1\nendpoint_url = %s\n",
    b"[default]\nregion = ca-central-1\nservices = dev\n[services dev]\nsts =\n"
    b"  endpoint_url = http://127.0.0.1:9\ns3 =\n  endpoint_url = %s\n"])
def test_the_endpoints_of_a_profile_are_followed(site, config):
    settings = profile(site, config % site.s3.url.encode()) | {"AWS_ENDPOINT_URL_S3": ""}
    assert site.sync("plan", **settings).returncode == 3
    settings["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    done = site.sync("plan", https_proxy=CLOSED, **settings)
    assert done.returncode == 5 and "amazonaws.com" in done.stderr


@pytest.mark.parametrize("settings, host", [
    ({}, "build.test"), ({"AWS_USE_FIPS_ENDPOINT": "true"}, "s3-fips.ca-central-1.amazonaws.com"),
    ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "s3.dualstack.ca-central-1.amazonaws.com"),
    ({"AWS_DEFAULT_REGION": "cn-north-1"}, "s3.cn-north-1.amazonaws.com.cn")])
def test_hosts_by_setting(site, settings, host):
    done = site.sync("plan", https_proxy=CLOSED, AWS_ENDPOINT_URL_S3="", **settings)
    assert done.returncode == 5 and host in done.stderr


@pytest.mark.parametrize("config, credentials", [
    (b"", b"[default]\nregion = ca-central-1\n" + KEYS),
    (b"[default]\nregion = ca-central-1\n", b"\xef\xbb\xbf[default]\n" + KEYS),
    (b"\xef\xbb\xbf[default]\nregion = ca-central-1\n", b"[default]\n" + KEYS)])
def test_files_of_credentials_as_people_have_them(site, config, credentials):
    assert site.sync("plan", **profile(site, config, credentials)).returncode == 3


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("end", ["\n", " ", "\u00a0"])
def test_a_key_that_was_pasted_with_its_end(site, name, end):
    settings = {"AWS_ACCESS_KEY_ID": site.s3.key, "AWS_SECRET_ACCESS_KEY": site.s3.secret}
    settings[name] = settings.get(name, "token") + end
    done = site.sync("plan", **settings)
    if end == "\u00a0":
        assert done.returncode == 6 and f"{name} (environment) holds a blank" in done.stderr
    else:
        assert done.returncode == 2 and f"{name} begins or ends with a blank or a newline" in done.stderr
    assert not site.s3.calls


@pytest.mark.parametrize("refused, code, words", [
    (Refused(400, "InvalidToken", "malformed"), 6, "AWS_SESSION_TOKEN"),
    (Refused(403, "RequestTimeTooSkewed", "too large"), 6, "the clock of this machine is"),
    (Refused(403, "InvalidAccessKeyId", "unknown"), 6, "the keys came from: environment"),
    (Refused(403, "AccessDenied", "Access Denied"), 6, "s3:ListBucket on /build.test")])
def test_what_a_refusal_says(site, refused, code, words):
    site.s3.shift = 3600
    refuse(site.s3, lambda call: "list-type" in call.query, refused)
    done = site.sync("plan")
    assert done.returncode == code and words in done.stderr, done.stderr
    if refused.code == "RequestTimeTooSkewed":
        assert "seconds behind" in done.stderr


def test_a_refused_object_and_its_right_are_named(site):
    refuse(site.s3, lambda call: call.method == "PUT" and call.key == "index.html",
           Refused(403, "AccessDenied", "Access Denied"))
    done = site.sync("--yes")
    assert done.returncode == 7 and "s3:PutObject on /build.test/index.html" in done.stderr


def test_a_proxy_that_refuses_is_no_answer_of_aws(site):
    refuse(site.s3, lambda call: True, Refused(403, "x"), {"Content-Type": "text/html"},
           "<html><title>Blocked</title></html>")
    done = site.sync("plan")
    assert done.returncode == 5 and "a proxy on the way refused" in done.stderr


def test_a_conflicting_operation_is_tried_again(site):
    left = [Refused(409, "OperationAborted", "try again", defect=False)] * 2
    answer = site.s3.answer

    def conflict(call):
        if call.method == "PUT" and call.key == "index.html" and left:
            raise left.pop()
        return answer(call)

    site.s3.answer = conflict
    site.deploy()
    assert not left


@pytest.mark.parametrize("wrong", [True, False])
def test_a_distribution_that_cannot_be_asked_is_found_before_the_first_write(site, wrong):
    site.deploy()
    site.write("index.html", "2")
    if not wrong:
        refuse(site.cdn, lambda call: True, Refused(403, "AccessDenied", "Access Denied"))
    done = site.sync("--yes", *(["--distribution", "EWRONG"] if wrong else []))
    assert done.returncode == (1 if wrong else 6), done.stderr
    assert "nothing was changed" in done.stderr
    assert wrong or "cloudfront:GetInvalidation" in done.stderr
    assert site.s3.objects["index.html"].data == b"1"
    assert ".cruddur/journal.json" not in site.s3.objects


@pytest.mark.parametrize("refused", [
    Refused(301, "PermanentRedirect", "elsewhere", defect=False),
    Refused(400, "AuthorizationHeaderMalformed", "wrong region", defect=False)])
def test_a_wrong_region_is_followed_and_told(site, refused):
    answer, verify = site.s3.answer, site.s3.verify

    def check(call):
        call.region = call.headers["authorization"].split("/")[2]
        site.s3.region = call.region
        verify(call)
        site.s3.region = "ca-central-1"

    site.s3.verify = check
    refuse(site.s3, lambda call: call.region != "eu-west-1", refused,
           {"x-amz-bucket-region": "eu-west-1"}, " ")
    done = site.sync("--yes")
    assert done.returncode == 0, done.stderr
    assert "is in eu-west-1" in done.stderr and "AWS_DEFAULT_REGION=eu-west-1" in done.stderr
    assert site.s3.content() == site.files() and answer
    wrong = [call for call in site.s3.calls if call.region != "eu-west-1"]
    assert len(wrong) <= 2  # the lock's client and the other one


def test_china_has_a_cloudfront_of_its_own(site):
    site.s3.region = site.cdn.region = "cn-northwest-1"
    site.s3.region = "cn-north-1"
    settings = {"AWS_DEFAULT_REGION": "cn-north-1"}
    site.deploy(**settings)
    site.write("index.html", "2")
    site.deploy(**settings)  # the double checks the signature's region
    site.write("index.html", "3")
    done = site.sync("--yes", https_proxy=CLOSED, AWS_ENDPOINT_URL_CLOUDFRONT="", **settings)
    assert "cloudfront.cn-northwest-1.amazonaws.com.cn" in done.stderr
