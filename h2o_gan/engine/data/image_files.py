"""Reads image files below one root, in parallel, and rotates, scales and crops them.

Paths are untrusted input: nothing outside the root is opened, and a file must be an image of
bounded size in a common format.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from h2o_gan.engine.exceptions import TrainingStopped
from h2o_gan.notices import listed, warn

__all__ = ["read_images"]

Array = npt.NDArray[Any]

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_MAX_PIXELS = 100_000_000  # of a file, which may decompress to far more than its size


def read_images(
    paths: Sequence[str | None],
    root: str | os.PathLike[str],
    shape: tuple[int, int, int],
    skip: bool = False,
    stop: threading.Event | None = None,
) -> tuple[Array, Array]:
    """Read image files.

    Images are rotated by their EXIF data, and scaled and center-cropped to `shape` without
    distortion.

    Args:
        paths: of the files, absolute or below `root`.
        root: the folder that contains all of them, symbolic links followed.
        shape: (height, width, channels), with 1 or 3 channels.
        skip: whether to leave out unreadable files with a warning.
        stop: when set, from any thread, reading ends.

    Returns:
        uint8 images (n, height, width, channels) of the n files that were read, and the bool mask
        (paths,) of these files.

    Raises:
        ValueError: a path leads out of the root, or a file cannot be read; the message lists them.
        TrainingStopped: `stop` was set.
    """
    folder = Path(root).expanduser()
    try:
        folder = folder.resolve(strict=True)
    except OSError as error:
        raise ValueError(f"image_root={os.fspath(root)!r} is not there: {error}.") from error
    if not folder.is_dir():
        raise ValueError(f"image_root={os.fspath(root)!r} is not a folder.")
    files = [_inside(path, folder) for path in paths]
    outside = [str(path) for path, file in zip(paths, files, strict=True) if file is None and path]
    if outside:
        raise ValueError(
            f"{len(outside)} paths lead out of image_root={str(folder)!r}: {listed(outside)}. "
            "Nothing there is opened: pass another image_root, or leave out those rows."
        )
    images = np.zeros((len(files), *shape), np.uint8)
    failures: list[str | None] = [None] * len(files)

    def read(index: int) -> None:
        if stop is not None and stop.is_set():
            return
        file = files[index]
        if file is None:
            failures[index] = f"row {index + 1} has no path"
            return
        try:
            images[index] = _read(file, shape)
        except Exception as error:  # any error of a decoder means a bad file
            failures[index] = f"{paths[index]} ({_reason(error)})"

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        for _ in pool.map(read, range(len(files)), chunksize=64):
            pass
    if stop is not None and stop.is_set():
        raise TrainingStopped("while images were read")
    failed = [failure for failure in failures if failure is not None]
    was_read = np.array([failure is None for failure in failures], bool)
    if failed and (not skip or not was_read.any()):
        raise ValueError(
            f"{len(failed)} of {len(files)} images can't be read: {listed(failed, show=str)}. "
            "Repair them, or set image_errors='skip' to leave out those rows."
        )
    if failed:
        warn(
            f"{len(failed)} of {len(files)} images can't be read and are left out: "
            f"{listed(failed, show=str)}."
        )
    return images[was_read] if failed else images, was_read


def _inside(path: str | None, folder: Path) -> Path | None:
    """The file of a path, or None if it is outside the folder."""
    if not path or "\0" in path:
        return None
    try:
        file = (folder / path).resolve()
    except (OSError, RuntimeError):  # a loop of links
        return None
    return file if file.is_relative_to(folder) else None


def _read(file: Path, shape: tuple[int, int, int]) -> Array:
    from PIL import Image, ImageOps

    height, width, channels = shape
    if file.exists() and not file.is_file():  # opening a pipe would block
        raise ValueError("it is not a file")
    with Image.open(file, formats=_FORMATS) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError(f"it has {image.width} x {image.height} pixels")
        image.draft("L" if channels == 1 else "RGB", (2 * width, 2 * height))
        rotated = ImageOps.exif_transpose(image)
        if rotated.mode in ("RGBA", "LA", "PA") or "transparency" in rotated.info:
            # Transparent pixels become black.
            rotated = rotated.convert("RGBA")
            background = Image.new("RGBA", rotated.size, (0, 0, 0, 255))
            rotated = Image.alpha_composite(background, rotated)
        if rotated.mode.startswith("I;16"):  # convert() would clip to 255
            rotated = Image.fromarray((np.asarray(rotated) >> 8).astype(np.uint8))
        rotated = rotated.convert("L" if channels == 1 else "RGB")
        fitted = ImageOps.fit(rotated, (width, height), Image.Resampling.LANCZOS)
        return np.asarray(fitted, np.uint8).reshape(shape)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return f"{error!s:.100}" or type(error).__name__
