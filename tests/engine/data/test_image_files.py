"""Image files: read in order, below one root only, and never more than they may cost."""

import os
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from h2o_gan.engine.data.image_files import read_images
from h2o_gan.engine.exceptions import TrainingStopped


@pytest.fixture
def folder(tmp_path):
    """Image files below a root, and one that is not."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.png", "sub/b.jpg", "c.bmp", "d.webp"):
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(root / name)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "outside.png")
    os.symlink(tmp_path / "outside.png", root / "link.png")
    return root


def test_files_are_read_in_order(folder):
    paths = ["a.png", "sub/b.jpg", str(folder / "c.bmp"), "d.webp", "a.png"]
    images, kept = read_images(paths, folder, (12, 8, 3))
    assert images.shape == (5, 12, 8, 3) and images.dtype == np.uint8 and kept.all()
    assert np.array_equal(images[0], images[4]) and not np.array_equal(images[0], images[1])
    grey, _ = read_images(paths[:2], folder, (8, 8, 1))
    assert grey.shape == (2, 8, 8, 1)


def test_images_are_cropped_in_the_middle_not_distorted(tmp_path):
    picture = np.zeros((10, 30), np.uint8)
    picture[:, 10:20] = 200
    Image.fromarray(picture).save(tmp_path / "wide.png")
    images, _ = read_images(["wide.png"], tmp_path, (10, 10, 1))
    assert np.all(images[0, :, 1:-1] == 200)


def test_images_are_turned_by_their_exif_data(tmp_path):
    picture = Image.fromarray(np.repeat(np.arange(0, 160, 10, np.uint8)[None], 16, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    picture.save(tmp_path / "turned.png", exif=exif)
    picture.save(tmp_path / "plain.png")
    images, _ = read_images(["turned.png", "plain.png"], tmp_path, (16, 16, 1))
    assert np.array_equal(images[0, :, :, 0], np.rot90(images[1, :, :, 0], -1))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    picture = np.repeat(np.arange(0, 65_536, 4096, np.uint16)[None], 16, 0)
    Image.fromarray(picture).save(tmp_path / "deep.png")
    images, _ = read_images(["deep.png"], tmp_path, (16, 16, 1))
    assert np.abs(images[0, 0, :, 0].astype(int) - np.arange(0, 256, 16)).max() <= 1


@pytest.mark.parametrize("path", ["../outside.png", "link.png", "sub/../../outside.png", "/etc/x"])
def test_nothing_outside_the_root_is_opened(folder, path):
    for skip in (False, True):
        with pytest.raises(ValueError, match=r"1 paths lead out of image_root.*Nothing there"):
            read_images(["a.png", path], folder, (8, 8, 3), skip=skip)


def bomb():
    """A PNG of a few bytes that says it has ten billion pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_unreadable_files_are_listed_or_skipped(folder):
    whole = (folder / "a.png").read_bytes()
    for name, data in (
        ("half.png", whole[: len(whole) // 2]),
        ("text.png", b"no image"),
        ("empty.png", b""),
        ("bomb.png", bomb()),
        ("script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    ):
        (folder / name).write_bytes(data)
    bad = ["half.png", "text.png", "empty.png", "bomb.png", "script.png", "gone.png", None, "sub"]
    paths = ["a.png", *bad, "c.bmp"]
    with pytest.raises(ValueError, match=r"8 of 10 images can't be read: half.png.*'skip'") as info:
        read_images(paths, folder, (8, 8, 3))
    assert all(name in str(info.value) for name in bad if name)
    with pytest.warns(RuntimeWarning, match="8 of 10 images can't be read and are left out"):
        images, kept = read_images(paths, folder, (8, 8, 3), skip=True)
    assert len(images) == 2 and kept.nonzero()[0].tolist() == [0, 9]
    with pytest.raises(ValueError, match="can't be read"):
        read_images(bad, folder, (8, 8, 3), skip=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(ValueError, match=r"1 of 2 images can't be read: pipe.png"):
        read_images(["a.png", "pipe.png"], folder, (8, 8, 3))


def test_a_root_that_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match="image_root=.*is not there"):
        read_images(["a"], tmp_path / "no", (8, 8, 1))
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is not a folder"):
        read_images(["a"], tmp_path / "file", (8, 8, 1))


def test_reading_can_be_stopped(folder):
    stop = threading.Event()
    stop.set()
    with pytest.raises(TrainingStopped, match="while images were read"):
        read_images(["a.png"], folder, (8, 8, 3), stop=stop)


def test_transparent_pixels_are_black(tmp_path):
    picture = np.full((8, 8, 4), 200, np.uint8)
    picture[:, :4, 3] = 0
    picture[:, 4:, 3] = 255
    Image.fromarray(picture).save(tmp_path / "half.png")
    images, _ = read_images(["half.png"], tmp_path, (8, 8, 3))
    assert images[0, :, :4].max() == 0 and images[0, :, 4:].min() == 200
