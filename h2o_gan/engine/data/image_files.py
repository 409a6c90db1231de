"""Files of images to pixel tables: found under one root, turned, cropped and read in parallel.

What a column of paths names is as hostile as any input: nothing outside the root is opened, and
what is opened has to be an image of sane size in a common format.
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
from h2o_gan.notices import warn

__all__ = ["read_images"]

Array = npt.NDArray[Any]

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_MOST_PIXELS = 100_000_000  # of a file: what it unfolds into may be far larger than itself
_SHOWN = 10


def read_images(
    paths: Sequence[str | None],
    root: str | os.PathLike[str],
    shape: tuple[int, int, int],
    skip: bool = False,
    stop: threading.Event | None = None,
) -> tuple[Array, Array]:
    """Read image files.

    They are turned as their EXIF data say, and scaled and cropped around the middle to `shape`
    without being distorted.

    Args:
        paths: of the files, absolute or below `root`.
        root: the folder that all have to lie in, symbolic links followed.
        shape: (height, width, colours), colours 1 or 3.
        skip: whether unreadable files are left out with a warning.
        stop: set it, from any thread, to end.

    Returns:
        uint8 images (read, height, width, colours), and which of the paths they are, (paths,) bool.

    Raises:
        ValueError: a path leads out of the root, or files can't be read; the message lists them.
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
            f"{len(outside)} paths lead out of image_root={str(folder)!r}: {_some(outside)}. "
            "Nothing there is opened: give another image_root, or leave those rows out."
        )
    images = np.zeros((len(files), *shape), np.uint8)
    failures: list[str | None] = [None] * len(files)

    def read(place: int) -> None:
        if stop is not None and stop.is_set():
            return
        file = files[place]
        if file is None:
            failures[place] = f"row {place + 1} has no path"
            return
        try:
            images[place] = _read(file, shape)
        except Exception as error:  # whatever a decoder trips over, the file is what is wrong
            failures[place] = f"{paths[place]} ({_reason(error)})"

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        for _ in pool.map(read, range(len(files)), chunksize=64):
            pass
    if stop is not None and stop.is_set():
        raise TrainingStopped("while images were read")
    failed = [failure for failure in failures if failure is not None]
    kept = np.array([failure is None for failure in failures], bool)
    if failed and (not skip or not kept.any()):
        raise ValueError(
            f"{len(failed)} of {len(files)} images can't be read: {_some(failed)}. Mend them, or "
            "set image_errors='skip' to leave those rows out."
        )
    if failed:
        warn(
            f"{len(failed)} of {len(files)} images can't be read and are left out: {_some(failed)}."
        )
    return images[kept] if failed else images, kept


def _inside(path: str | None, folder: Path) -> Path | None:
    """The file that a path means, if it lies in the folder."""
    if not path or "\0" in path:
        return None
    try:
        file = (folder / path).resolve()
    except (OSError, RuntimeError):  # a loop of links
        return None
    return file if file.is_relative_to(folder) else None


def _read(file: Path, shape: tuple[int, int, int]) -> Array:
    from PIL import Image, ImageOps

    height, width, colours = shape
    if file.exists() and not file.is_file():  # a pipe would be waited for without end
        raise ValueError("it is not a file")
    with Image.open(file, formats=_FORMATS) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise ValueError(f"it has {image.width} x {image.height} pixels")
        image.draft("L" if colours == 1 else "RGB", (2 * width, 2 * height))
        turned = ImageOps.exif_transpose(image)
        if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
            # What is see-through shows black: the darkest of every palette.
            turned = turned.convert("RGBA")
            ground = Image.new("RGBA", turned.size, (0, 0, 0, 255))
            turned = Image.alpha_composite(ground, turned)
        if turned.mode.startswith("I;16"):  # else all but the darkest would show white
            turned = Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8))
        turned = turned.convert("L" if colours == 1 else "RGB")
        fitted = ImageOps.fit(turned, (width, height), Image.Resampling.LANCZOS)
        return np.asarray(fitted, np.uint8).reshape(shape)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return f"{error!s:.100}" or type(error).__name__


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:_SHOWN]) + (", ..." if len(items) > _SHOWN else "")
