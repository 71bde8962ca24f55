"""A zip of unknown origin, read with limits on members, sizes and growth, never trusting what it claims."""

import re
import sys
import zlib
from pathlib import Path
from types import TracebackType

from signals.readers import ReadError

if sys.version_info >= (3, 14):
    import zipfile

    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError, zipfile

MIB = 1 << 20
MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 256 * MIB
MAX_TOTAL_BYTES = 1024 * MIB
MAX_GROWTH = 1000
"""How many times its packed size a member may grow. Logs, which repeat themselves, reach about 100."""
GROWTH_IS_CHECKED_FROM = 4 * MIB
WINDOW_LOG_MAX = 23  # 8 MiB; a frame may otherwise ask for 2 GiB of memory before its first byte
CHUNK = 256 * 1024

_STRANGE_NAME = re.compile(r"(^[/\\])|(^[A-Za-z]:)|(\\)|(\x00)|((^|/)\.\.(/|$))")
_UNREADABLE = (
    zipfile.BadZipFile,
    ZstdError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


class Archive:
    """An open zip. Raises ReadError for anything that an honest writer would not have made."""

    def __init__(self, path: Path) -> None:
        self._total = 0
        try:
            self._zip = zipfile.ZipFile(path)
        except _UNREADABLE as error:
            raise ReadError(
                f"This is not a complete zip ({error}). The copy was probably cut short: copy the log again."
            ) from error
        try:
            self.members = self._checked()
        except ReadError:
            self._zip.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MAX_MEMBERS:
            raise ReadError(f"The zip has {len(infos):,} members; {MAX_MEMBERS:,} are read at most. Split the eval.")
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            # Nothing is ever unpacked to disk; a name like that still means that something else made this file.
            if _STRANGE_NAME.search(info.filename) or _STRANGE_NAME.search(info.orig_filename):
                raise ReadError(
                    f"The zip has a member with a path that leaves its folder ({info.filename!r}). "
                    "Inspect writes no such names: find out where this file comes from."
                )
            if info.filename in members:
                raise ReadError(
                    f"The zip holds {info.filename!r} twice, so it is not clear which one counts. "
                    "Write the log again with Inspect."
                )
            if info.flag_bits & 1:
                raise ReadError(f"The member {info.filename!r} is encrypted. Put the log there without a password.")
            members[info.filename] = info
        return members

    def read(self, name: str) -> bytes:
        """The bytes of the member `name`. Raises ReadError where it is too large, damaged or not what it claims."""
        info = self.members[name]
        if info.file_size > MAX_MEMBER_BYTES:
            raise ReadError(
                f"The member {name!r} claims {info.file_size:,} bytes; {MAX_MEMBER_BYTES:,} are read at most. "
                "Run the eval with fewer samples a log."
            )
        got = bytearray()
        try:
            with self._zip.open(info) as member:
                if info.compress_type == 93:
                    member._decompressor = ZstdDecompressor(  # type: ignore[attr-defined]
                        options={DecompressionParameter.window_log_max: WINDOW_LOG_MAX}
                    )
                while chunk := member.read(CHUNK):
                    got += chunk
                    self._total += len(chunk)
                    self._refuse_growth(name, len(got), info.compress_size)
        except _UNREADABLE as error:
            raise ReadError(f"The member {name!r} is damaged ({error}). Copy the log again.") from error
        if len(got) != info.file_size:
            raise ReadError(
                f"The member {name!r} claims {info.file_size:,} bytes and holds {len(got):,}. Copy the log again."
            )
        return bytes(got)

    def _refuse_growth(self, name: str, size: int, packed: int) -> None:
        if self._total > MAX_TOTAL_BYTES:
            raise ReadError(f"The log is larger than {MAX_TOTAL_BYTES:,} bytes unpacked. Split the eval.")
        if size > GROWTH_IS_CHECKED_FROM and size > MAX_GROWTH * max(packed, 1):
            raise ReadError(
                f"The member {name!r} grows to more than {MAX_GROWTH} times its packed size, as a zip bomb does. "
                "It was not read further: find out where this file comes from."
            )
