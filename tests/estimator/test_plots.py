"""Grids of images, films and figures; no cluster."""

import numpy as np
import pytest
from PIL import Image

from h2o_gan.estimator.plots import draw_grid, save_gif, tiled

rng = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_images_are_tiled_row_by_row_with_a_grey_margin(channels):
    images = rng.integers(0, 256, (5, 4, 6, *channels), np.uint8)
    canvas = tiled(images, across=3)
    assert canvas.shape == (2 * 5 + 1, 3 * 7 + 1, *channels)
    assert np.array_equal(canvas[1:5, 1:7], images[0])
    assert np.array_equal(canvas[6:10, 8:14], images[4])
    assert (canvas[:, [0, 7, 14, 21]] == 128).all() and (canvas[6:10, 15:21] == 128).all()


def test_a_film_has_all_frames_and_stays_on_the_last(tmp_path):
    frames = [rng.integers(0, 256, (20, 30), np.uint8) for _ in range(3)]
    save_gif(frames, str(tmp_path / "f.gif"))
    with Image.open(tmp_path / "f.gif") as film:
        assert film.n_frames == 3 and film.size == (300, 200)
        film.seek(1)
        assert film.info["duration"] == 200
        film.seek(2)
        assert film.info["duration"] == 2000


def test_rows_of_a_grid_may_differ_in_length(tmp_path):
    images = list(rng.integers(0, 256, (5, 8, 8), np.uint8))
    result = draw_grid(
        [images[:3], images[3:]], ["first", "second"], "title", True, str(tmp_path / "g.png")
    )
    axes = result.figure().axes
    assert len(axes) == 6 and [axis.axison for axis in axes] == [True] * 5 + [False]
    assert [axes[0].get_ylabel(), axes[3].get_ylabel()] == ["first", "second"]
    assert np.array_equal(axes[4].images[0].get_array(), images[4])
    assert (tmp_path / "g.png").read_bytes()[:4] == b"\x89PNG"
