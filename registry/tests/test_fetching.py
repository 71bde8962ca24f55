"""Importing by address: from hosts that are allowed, to the address that was checked, within limits. Against real servers."""

import datetime as dt
import http.server
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import reverse

from registry import fetching
from registry.fetching import fetch
from work.acts import Invalid

TEXT = b"portcullis: 1\nagent: {name: Gift agent, slug: gift-agent, summary: Gifts., team: lending, owner: owner@bank.example}\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path; what was asked is kept."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        act = self.path.split("?")[0].strip("/")
        if act.startswith("to/"):
            self.send_response(302)
            self.send_header("Location", self.server.onward.get(act.removeprefix("to/"), "/file"))
            self.end_headers()
        elif act == "large":
            self.send_response(200)
            self.end_headers()
            for _ in range(200):
                try:
                    self.wfile.write(b"x" * 100_000)
                except OSError:
                    return
                self.server.sent += 100_000
        elif act == "drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
        elif act == "short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x")
        elif act == "file":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(TEXT)
        else:
            self.send_error(404)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """A real server; `server.base` is its address."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.onward, made.sent = [], {}, 0
    made.port = made.server_address[1]
    made.base = f"http://localhost:{made.port}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def allowed(server, settings):
    """The server, allowed though it is local."""
    settings.IMPORT_HOSTS = [f"private:{server.base}"]
    return server


def test_what_an_allowed_host_says_is_read(allowed):
    assert fetch(f"{allowed.base}/file?at=main").data == TEXT
    [(path, headers)] = allowed.asked
    assert path == "/file?at=main" and headers["Host"] == f"localhost:{allowed.port}" and "Cookie" not in headers


def test_without_hosts_it_is_off(server, settings):
    settings.IMPORT_HOSTS = []
    with pytest.raises(Invalid, match="switched off"):
        fetch(f"{server.base}/file")
    assert server.asked == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "https://elsewhere.example/file",
            "elsewhere.example is no host that imports may come from; allowed are localhost",
        ),
        ("https://localhost/file", "allowed in another way"),
        ("http://localhost:1/file", "allowed in another way"),
        ("http://localhost@elsewhere.example/", "holds a name or a password"),
        ("http://localhost.elsewhere.example/", "no host that imports"),
        ("file:///etc/passwd", "This is no address"),
        ("gopher://localhost/", "This is no address"),
        ("//localhost/file", "This is no address"),
        ("http://localhost:99999/", "This is no address"),
        ("http://[::1", "This is no address"),
        ("http://localhost:{port}/file\r\nX: y", "characters that do not belong|no address"),
        ("http://localhost:{port}/a b", "characters that do not belong"),
        ("http://127.0.0.1:{port}/file", "127.0.0.1 is no host"),
        ("http://2130706433:{port}/file", "no host that imports"),
    ],
)
def test_no_other_address_is_asked(allowed, url, words):
    with pytest.raises(Invalid, match=words):
        fetch(url.replace("{port}", str(allowed.port)))
    assert allowed.asked == [] or "\n" in url


def test_an_internal_address_is_refused_unless_it_is_allowed_as_such(server, settings):
    settings.IMPORT_HOSTS = [server.base]
    with pytest.raises(Invalid, match="internal address.*private:localhost"):
        fetch(f"{server.base}/file")
    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.7", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1",
     "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "ff02::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not fetching._public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_that_are(address):
    assert fetching._public(address)


def test_one_internal_address_among_public_ones_is_enough_to_refuse(settings, monkeypatch):
    settings.IMPORT_HOSTS = ["git.example"]
    rows = [(2, 1, 6, "", (one, 443)) for one in ("93.184.215.14", "10.0.0.7")]
    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *args, **kwargs: rows)
    with pytest.raises(Invalid, match="internal address"):
        fetch("https://git.example/file")


def test_the_name_is_looked_up_once_and_that_address_is_asked(allowed, monkeypatch):
    real, answers = fetching.socket.getaddrinfo, []

    def look_up(host, *args, **kwargs):
        answers.append(host)
        found = real(host, *args, **kwargs)
        return found if answers.count("localhost") < 2 else [(2, 1, 6, "", ("10.0.0.7", 80))]

    monkeypatch.setattr(fetching.socket, "getaddrinfo", look_up)
    assert fetch(f"{allowed.base}/file").data == TEXT
    assert answers.count("localhost") == 1


def test_it_is_sent_on_within_the_host_only(allowed):
    allowed.onward = {
        "out": "https://elsewhere.example/file",
        "loop": "/to/loop",
        "plain": f"http://127.0.0.1:{allowed.port}/file",
    }
    assert fetch(f"{allowed.base}/to/file").data == TEXT
    with pytest.raises(Invalid, match="elsewhere.example is no host"):
        fetch(f"{allowed.base}/to/out")
    with pytest.raises(Invalid, match="127.0.0.1 is no host"):
        fetch(f"{allowed.base}/to/plain")
    with pytest.raises(Invalid, match="from one address to the next"):
        fetch(f"{allowed.base}/to/loop")


def test_not_even_to_another_allowed_host(allowed, settings):
    settings.IMPORT_HOSTS = [*settings.IMPORT_HOSTS, "git.example"]
    allowed.onward = {"out": "https://git.example/file"}
    with pytest.raises(Invalid, match="sends on to another host, git.example"):
        fetch(f"{allowed.base}/to/out")


def test_more_than_ten_megabytes_is_given_up_while_it_comes(allowed):
    with pytest.raises(Invalid, match="larger than 10 MB"):
        fetch(f"{allowed.base}/large")
    assert allowed.sent < 18_000_000


def test_a_server_that_drips_is_given_up(allowed, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(Invalid, match="took longer than"):
        fetch(f"{allowed.base}/drip")
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(("path", "words"), [("short", "could not be read"), ("nowhere", "answered 404")])
def test_what_fails_is_said(allowed, path, words):
    with pytest.raises(Invalid, match=words):
        fetch(f"{allowed.base}/{path}")


def test_over_tls_the_certificate_must_hold(server, settings, tmp_path, monkeypatch):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "both.pem"
    file.write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    settings.IMPORT_HOSTS = [f"private:localhost:{server.port}"]
    with pytest.raises(Invalid, match="no certificate that this portal trusts"):
        fetch(f"https://localhost:{server.port}/file")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert fetch(f"https://localhost:{server.port}/file").data == TEXT


@pytest.mark.parametrize("entry", ["https://host/path", "ftp://host", "name@host", "host:port", "private:"])
def test_a_setting_that_is_no_host_is_named_when_it_starts(settings, entry):
    settings.IMPORT_HOSTS = [entry]
    with pytest.raises(SystemCheckError, match="IMPORT_HOSTS"):
        call_command("check")


class TestPages:
    def test_off_says_how_it_is_switched_on(self, world, client, settings):
        settings.IMPORT_HOSTS = []
        client.force_login(world.member)
        for name in ("import_manifest", "import_tools", "import_card"):
            page = client.get(reverse(name)).content.decode()
            assert "IMPORT_HOSTS" in page and 'name="url"' not in page

    def test_a_manifest_by_address_is_shown_before_it_is_imported(self, world, client, allowed):
        client.force_login(world.member)
        page = client.post(reverse("import_manifest"), {"url": f"{allowed.base}/file"}).content.decode()
        assert "Register Gift agent" in page and len(allowed.asked) == 1

    def test_a_refusal_stands_at_the_field(self, world, client, allowed):
        client.force_login(world.member)
        answer = client.post(reverse("import_manifest"), {"url": "https://elsewhere.example/x"})
        assert answer.status_code == 422 and "is no host that imports may come from" in answer.content.decode()

    def test_for_who_may_not_import_nothing_is_fetched(self, world, client, allowed):
        client.force_login(world.bystander)
        answer = client.post(reverse("import_manifest"), {"url": f"{allowed.base}/file"})
        assert answer.status_code == 422 and allowed.asked == []
