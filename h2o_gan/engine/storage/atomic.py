"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO

__all__ = ["atomic_write"]

_NEW_MODE = 0o666  # open() applies the process's mask, which cannot be read without a change


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a new file that replaces `path` when the block ends without an error.

    The new file keeps the mode of the old one. Until then it lies beside `path`, under a name with
    the process's id. Such files of dead processes are removed.

    Args:
        path: of the file.

    Yields:
        The open file.

    Raises:
        OSError: the folder cannot be written.
    """
    target = Path(path)
    # A digest, because the name of the file itself may have the largest length already.
    stem = f".h2o_gan.{blake2b(os.fsencode(target.name), digest_size=8).hexdigest()}"
    _remove_leftovers(target.parent, stem)
    temporary = target.parent / f"{stem}.{os.getpid()}.{secrets.token_hex(4)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    mode = _mode_of(target)
    try:
        handle = os.open(temporary, flags, _NEW_MODE if mode is None else 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode_of(target: Path) -> int | None:
    """The permissions of a file; None if there is no such file."""
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
    if os.name == "nt":  # where signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
