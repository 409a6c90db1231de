"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO

__all__ = ["written_whole"]

_NEW = 0o666  # less the process's mask, which open() knows and asking for would change


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` once the block ends without an error.

    A file that was there leaves its mode to the new one. What is written first goes beside it,
    under a name of its own that tells the process; what dead processes left there for the same
    path is removed.

    Raises:
        OSError: the folder can't be written.
    """
    target = Path(path)
    # A digest: with the whole name in it, the name of the other could be too long.
    stem = f".h2o_gan.{blake2b(os.fsencode(target.name), digest_size=8).hexdigest()}"
    _remove_leftovers(target.parent, stem)
    temporary = target.parent / f"{stem}.{os.getpid()}.{secrets.token_hex(4)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    mode = _mode_of(target)
    try:
        handle = os.open(temporary, flags, _NEW if mode is None else 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode_of(target: Path) -> int | None:
    """The permissions of a file that is there; None where none is."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return None


def _remove_leftovers(folder: Path, stem: str) -> None:
    for found in folder.glob(f"{stem}.*.part"):
        process = found.name[len(stem) + 1 :].split(".")[0]
        if process.isdecimal() and not _is_alive(int(process)):
            with suppress(OSError):
                found.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # where a signal of 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
