"""Fetches a text to import from an address, from hosts that the operator allows, and from nowhere else.

The connection goes to the very address that was checked: a name that resolves differently a moment later gains nothing.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from registry.imports.reading import MAX_BYTES
from work.acts import Invalid

SECONDS = 15.0
"""For all of it: looking the name up aside, connecting, redirects, and the last byte."""
REDIRECTS = 3
PRIVATE = "private:"
PORTS = {"https": 443, "http": 80}
NAT64 = ipaddress.ip_network("64:ff9b::/96")
MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Host:
    """One entry of IMPORT_HOSTS."""

    scheme: str
    name: str
    port: int
    private: bool
    """Whether it may lie inside: at a private, loopback or link-local address."""


@dataclass(frozen=True)
class Fetched:
    """What was read, and the host that it came from."""

    data: bytes
    host: str


def hosts() -> list[Host]:
    """The hosts that IMPORT_HOSTS allows. Raises ImproperlyConfigured for an entry that is none."""
    return [_host(entry.strip()) for entry in settings.IMPORT_HOSTS if entry.strip()]


def _host(entry: str) -> Host:
    private = entry.startswith(PRIVATE)
    said = entry.removeprefix(PRIVATE)
    try:
        place = urlsplit(said if "://" in said else f"https://{said}")
        port = place.port
    except ValueError as error:
        raise ImproperlyConfigured(f"IMPORT_HOSTS: {entry} is no host.") from error
    if place.scheme not in PORTS or not place.hostname or place.path not in ("", "/") or place.query or place.username:
        raise ImproperlyConfigured(f"IMPORT_HOSTS: {entry} is no host. Write one like git.example.com or host:8443.")
    return Host(place.scheme, place.hostname, port or PORTS[place.scheme], private)


def fetch(url: str) -> Fetched:
    """What `url` answers, at most MAX_BYTES. Raises Invalid with the reason, and what to do."""
    deadline = time.monotonic() + SECONDS
    host, place = _allowed(url)
    for _ in range(REDIRECTS + 1):
        answer = _get(host, place, deadline)
        if isinstance(answer, bytes):
            return Fetched(answer, host.name)
        onward, place = _allowed(urljoin(place.geturl(), answer))
        if onward != host:
            raise Invalid(f"{host.name} sends on to another host, {onward.name}. Give the address there.")
    raise Invalid(f"{host.name} sends from one address to the next. Give the last one.")


def _allowed(url: str) -> tuple[Host, SplitResult]:
    """The entry of IMPORT_HOSTS that allows `url`, and its parts."""
    known = hosts()
    if not known:
        raise Invalid("Importing from addresses is switched off. Upload the file, or ask who runs the portal.")
    try:
        place = urlsplit(url.strip())
        port = place.port or PORTS.get(place.scheme, 0)
    except ValueError as error:
        raise Invalid("This is no address. Write one like https://git.example.com/portcullis.yaml.") from error
    if place.scheme not in PORTS or not place.hostname:
        raise Invalid("This is no address. Write one like https://git.example.com/portcullis.yaml.")
    if place.username is not None or place.password is not None:
        raise Invalid("The address holds a name or a password. Give one that needs none.")
    if not place.geturl().isascii() or any(one <= " " or one == "\x7f" for one in place.geturl()):
        raise Invalid("The address holds characters that do not belong there. Write them as %-codes.")
    for one in known:
        if (one.scheme, one.name, one.port) == (place.scheme, place.hostname, port):
            return one, place
    names = ", ".join(one.name for one in known)
    if any(one.name == place.hostname for one in known):
        raise Invalid(f"{place.hostname} is allowed in another way: check the address for https and its port.")
    raise Invalid(
        f"{place.hostname} is no host that imports may come from; allowed are {names}. Upload the file instead."
    )


def _addresses(host: Host) -> list[str]:
    """Where the host lies. Every address is checked, not only the one that will be used. Raises Invalid."""
    try:
        found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Invalid(f"{host.name} could not be found. Check the address, or try again later.") from error
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    for one in addresses:
        if not host.private and not _public(one):
            raise Invalid(
                f"{host.name} lies at an internal address, from which nothing is fetched. "
                f"Who runs the portal can allow it as {PRIVATE}{host.name}."
            )
    return addresses


def _public(address: str) -> bool:
    one = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(one, "ipv4_mapped", None) or getattr(one, "sixtofour", None)
    if isinstance(one, ipaddress.IPv6Address) and one in NAT64:
        inner = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
    return one.is_global and not one.is_multicast and (inner is None or inner.is_global)


def _get(host: Host, place: SplitResult, deadline: float) -> bytes | str:
    """One request: the body, or the address that it sends on to."""
    link = _connected(host, deadline)
    # A server that drips one byte at a time starts every timeout of a socket anew; this one ends it all.
    watch = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [link])
    watch.daemon = True
    watch.start()
    connection = http.client.HTTPConnection(host.name, host.port)
    connection.sock = link
    try:
        if isinstance(link, ssl.SSLSocket):
            link.do_handshake()
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        connection.request("GET", path, headers={"User-Agent": "Portcullis", "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        if answer.status in MOVED and (onward := answer.getheader("Location")):
            return onward
        if answer.status != 200:
            raise Invalid(f"{host.name} answered {answer.status}. Check the address; it must need no sign-in.")
        if answer.getheader("Content-Encoding", "identity") != "identity":
            raise Invalid(f"{host.name} sends it compressed, which is not read. Upload the file instead.")
        data = answer.read(MAX_BYTES + 1)
    except ssl.SSLError as error:
        raise Invalid(f"{host.name} has no certificate that this portal trusts. Upload the file instead.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(host, deadline) from error
    finally:
        watch.cancel()
        connection.close()
        link.close()
    if len(data) > MAX_BYTES:
        raise Invalid(f"What lies there is larger than {MAX_BYTES // 1024 // 1024} MB. Import a smaller one.")
    if time.monotonic() > deadline or answer.length:  # bytes that were announced and never came
        raise _failed(host, deadline)
    return data


def _connected(host: Host, deadline: float) -> socket.socket:
    """A socket to a checked address; the name is looked up once, here. TLS has not begun yet."""
    for address in _addresses(host):
        try:
            plain = socket.create_connection((address, host.port), timeout=max(0.1, deadline - time.monotonic()))
        except OSError:
            continue
        if host.scheme == "http":
            return plain
        tls = ssl.create_default_context()
        return tls.wrap_socket(plain, server_hostname=host.name, do_handshake_on_connect=False)
    raise _failed(host, deadline)


def _cut(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)


def _failed(host: Host, deadline: float) -> Invalid:
    if time.monotonic() > deadline:
        return Invalid(f"{host.name} took longer than {SECONDS:.0f} seconds. Try again later, or upload the file.")
    return Invalid(f"{host.name} could not be read: it ended the connection, or does not answer. Try again later.")
