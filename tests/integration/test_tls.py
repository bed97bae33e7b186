"""TLS to Postgres: sslmode=verify-full with a bundle of authorities, as RDS wants it."""

import datetime
import ipaddress
import os
import pwd
import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import load_template
from harness.api import Api
from harness.server import run
from pg_cluster import PORT, PgCluster, query

DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))

    def sign(self, name, key, extension):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder(self.name, name, key.public_key(), x509.random_serial_number(),
                                          now - DAY, now + 30 * DAY)
        return builder.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def write_server_files(folder, authority, address):
    """server.crt and server.key for this address, the latter for Postgres's user alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "database")])
    (folder / "server.crt").write_bytes(
        authority.sign(name, key, names).public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(folder / "server.key", pwd.getpwnam("postgres").pw_uid, -1)
    for part in (folder, *folder.parents):
        if part.owner() == pwd.getpwuid(os.geteuid()).pw_name and str(part).startswith("/tmp/"):
            part.chmod(part.stat().st_mode | 0o011)


class TlsDatabase:
    """A cluster on a loopback address of its own, which its certificate names."""

    def __init__(self, folder):
        self.authority = Authority("the database's authority")
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(2, 254)}"
        write_server_files(folder, self.authority, self.address)
        bundle = Authority("one").pem() + self.authority.pem() + Authority("another").pem()
        (folder / "bundle.pem").write_bytes(bundle)
        (folder / "others.pem").write_bytes(Authority("one").pem() + Authority("another").pem())
        self.folder = folder
        self.cluster = PgCluster.start(
            listen_addresses=self.address, ssl="on", ssl_cert_file=str(folder / "server.crt"),
            ssl_key_file=str(folder / "server.key"))  # fmt: skip
        self.name = load_template(self.cluster).rsplit("/", 1)[1]

    def url(self, bundle="bundle.pem"):
        return (f"postgresql://postgres@{self.address}:{PORT}/{self.name}"
                f"?sslmode=verify-full&sslrootcert={self.folder / bundle}")


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    tls = TlsDatabase(tmp_path_factory.mktemp("tls"))
    yield tls
    tls.cluster.stop()


def test_a_server_that_proves_itself_is_used(tls, start_api):
    server, api = start_api(CONNECTION_URL=tls.url(), CRUDDUR_LOOPS=1)
    api.wait_until_ready()
    api.get("/api/activities/home").expect(200)
    encrypted = query(tls.cluster.url("postgres"), """select bool_and(ssl) from pg_stat_activity
        join pg_stat_ssl using (pid) where datname = %s""", tls.name)
    assert encrypted == [(True,)]
    server.stop()
    assert run("status", CONNECTION_URL=tls.url()).returncode == 0


@pytest.mark.parametrize(
    "change, what",
    [({"bundle": "others.pem"}, "certificate verify failed"), ({"bundle": "missing.pem"}, "root certificate file")],
)
def test_a_server_that_does_not_is_not(tls, start_server, description, change, what):
    server = start_server(CONNECTION_URL=tls.url(**change))
    assert what in server.log.wait_for(message="postgres not connected")["reason"]
    api = Api(server.port, description)
    api.get("/api/activities/home").expect(503, ["generic_503"])
    api.close()
    server.stop()
    done = run("status", CONNECTION_URL=tls.url(**change))
    assert done.returncode == 5 and what in done.stderr
