"""Writing a bundle's zip, so that the same files give the same bytes, on any machine and with any zlib.

Members are stored, not compressed: a verifier can then hold every byte to account, nothing can unfold into more
than it seems, and no version of a compressor has a say in the bytes.
"""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from typing import IO, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.verify import MAX_BYTES, MAX_MEMBERS, SIGNATURE, SUMS
from web.errors import Invalid

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Zip's calendar begins here. The bundle's real time is in its manifest."""


class Draft:
    """The files of a bundle until it is sealed: on disk, so that a large ledger passes through, in any order."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._places: dict[str, tuple[int, int, str]] = {}  # name: offset, length, SHA-256

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def add(self, name: str, *chunks: bytes) -> str:
        """Add a file made of `chunks`; returns its SHA-256. Raises ValueError for a name that is there."""
        return self.add_stream(name, chunks)

    def add_stream(self, name: str, chunks: Iterable[bytes]) -> str:
        """Add a file of any size, chunk by chunk; returns its SHA-256."""
        if name in self._places:
            raise ValueError(f"{name} is in the bundle already")
        offset, digest = self._file.tell(), hashlib.sha256()
        for chunk in chunks:
            self._file.write(chunk)
            digest.update(chunk)
        self._places[name] = (offset, self._file.tell() - offset, digest.hexdigest())
        return digest.hexdigest()

    def extend(self, name: str, as_name: str, tail: bytes) -> None:
        """Rename the file `name`, which must be the last added, and append `tail`: no second copy of a large ledger."""
        offset, length, _ = self._places[name]
        if offset + length != self._file.tell():
            raise ValueError(f"{name} is not the file that was added last")
        digest = hashlib.sha256()
        self._file.write(tail)
        self._file.seek(offset)
        while chunk := self._file.read(2**20):
            digest.update(chunk)
        del self._places[name]
        self._places[as_name] = (offset, length + len(tail), digest.hexdigest())

    def __contains__(self, name: str) -> bool:
        return name in self._places

    @property
    def names(self) -> list[str]:
        """What has been added, sorted."""
        return sorted(self._places)

    def seal(self, key: Ed25519PrivateKey, out: IO[bytes]) -> None:
        """Sum, sign and write everything to `out`, which must be seekable.

        Raises Invalid, in words, for more than a verifier reads: 2 GiB or 60,000 files.
        """
        size = sum(length for _, length, _ in self._places.values()) + 400 * len(self._places)
        if size > MAX_BYTES or len(self._places) + 2 > MAX_MEMBERS:
            raise Invalid(
                f"The evidence has {size:,} bytes in {len(self._places):,} files. One bundle holds {MAX_BYTES:,} bytes "
                f"in {MAX_MEMBERS:,} files."
            )
        sums = "".join(f"{digest}  {name}\n" for name, (_, _, digest) in sorted(self._places.items())).encode()
        self.add(SUMS, sums)
        self.add(SIGNATURE, key.sign(sums))
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            for name, (offset, length, _) in sorted(self._places.items()):
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system, info.external_attr = 3, 0o100644 << 16
                self._file.seek(offset)
                with archive.open(info, "w") as member:
                    shutil.copyfileobj(_Part(self._file, length), member, 2**20)


class _Part:
    """The next `length` bytes of a file, as a file."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self.file, self.left = file, length

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data
