"""Folders that sources watch: always below settings.SIGNALS_ROOT, never through a symbolic link."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from django.conf import settings

from signals.readers import ReadError

SUFFIXES = {"inspect": (".eval", ".json"), "focus": (".csv",)}
MAX_FILES = 20_000


def cleaned(folder: str) -> str:
    """`folder` in one way of writing, relative. Raises ReadError where it leaves the folder for signals."""
    path = PurePosixPath(folder.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\x00" in folder:
        raise ReadError("Give a folder below the server's folder for signals, such as inspect/nightly.")
    return str(path)


def resolved(folder: str) -> Path:
    """The folder on disk. Raises ReadError where it is missing, or a link on the way leads out of the root."""
    root = Path(settings.SIGNALS_ROOT).resolve()
    path = root / cleaned(folder)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ReadError(
            f"The folder {folder} does not exist on the server. Create it or correct the source."
        ) from error
    if real != Path(os.path.normpath(path)) or not real.is_relative_to(root):
        raise ReadError(f"The folder {folder} is or passes a symbolic link. Put a real folder there.")
    if not real.is_dir():
        raise ReadError(f"{folder} is not a folder. Name the folder that holds the files.")
    return real


def files(folder: Path, kind: str) -> Iterator[tuple[str, Path]]:
    """Each file of this kind with its path relative to `folder`, in order of their names.

    Links are given too, so that the pull can say that it does not follow them. Raises ReadError for too many files.
    """
    found = []
    for top, below, names in os.walk(folder, followlinks=False):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in names:
            if name.endswith(SUFFIXES[kind]) and not name.startswith("."):
                path = Path(top, name)
                found.append((path.relative_to(folder).as_posix(), path))
        if len(found) > MAX_FILES:
            raise ReadError(f"The folder holds more than {MAX_FILES:,} files. Move old ones elsewhere.")
    yield from sorted(found)
