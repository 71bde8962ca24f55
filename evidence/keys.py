"""The evidence key: one Ed25519 key that signs bundles. Its private half never leaves the file it is in."""

import functools
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def private_key() -> Ed25519PrivateKey:
    """The key in EVIDENCE_KEY_FILE. The embedded default makes one; elsewhere a missing file raises
    ImproperlyConfigured, since a key made by chance on one of several machines would be pinned by nobody."""
    return _load(Path(settings.EVIDENCE_KEY_FILE))


def public_pem() -> bytes:
    """The public half in PEM (RFC 8410), as auditors pin it."""
    return (
        private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def fingerprint() -> str:
    """SHA-256 of the public key's DER form, in hexadecimal: what two people read to each other."""
    der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(private_key().public_key().public_bytes(*der)).hexdigest()


@functools.lru_cache(maxsize=4)
def _load(path: Path) -> Ed25519PrivateKey:
    if settings.EMBEDDED and not path.exists():
        _make(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        pem = path.read_bytes()
    except OSError as error:
        raise ImproperlyConfigured(
            f"EVIDENCE_KEY_FILE names {path}, which cannot be read ({error.strerror}). "
            "Make a key with `openssl genpkey -algorithm ed25519 -out evidence.pem` and `chmod 600 evidence.pem`."
        ) from error
    if mode & 0o027:
        raise ImproperlyConfigured(
            f"EVIDENCE_KEY_FILE names {path}, which others than its owner may read or write: `chmod 600` it."
        )
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"EVIDENCE_KEY_FILE names {path}, which holds no private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"EVIDENCE_KEY_FILE names {path}, which holds a key that is not Ed25519.")
    return key


def _make(path: Path) -> None:
    """Write a new key. Several processes may start at once: the first link wins, and all read that one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes the file 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
