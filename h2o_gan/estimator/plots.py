"""Figures with the matplotlib that h2o uses: the scoring history, and grids of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from h2o.exceptions import H2OValueError
from h2o.plot import RAISE_ON_FIGURE_ACCESS, decorate_plot_result, get_matplotlib_pyplot

if TYPE_CHECKING:
    import numpy.typing as npt

    from h2o_gan.engine.model import Model

__all__ = [
    "INCHES",
    "draw_grid",
    "finish",
    "plot_history",
    "save_gif",
    "show_image",
    "tiled",
]

INCHES = 0.9
"""Width and height of an image in a grid."""
_GIF_SECONDS, _GIF_LAST_SECONDS = 0.2, 2.0
_GIF_PIXELS = 320


def plot_history(
    model: Model, timestep: str, metric: str, server: bool, save_plot_path: str | None
) -> Any:
    """Draw the scoring history.

    Args:
        model: whose history.
        timestep: the x axis: "epoch" (AUTO), "step" or "seconds".
        metric: a column of the history; AUTO for losses and, below them, the other columns.
        server: draw without a display.
        save_plot_path: file to write the plot to, or None.

    Returns:
        What H2O's own plots return: an object whose ``figure()`` is matplotlib's.

    Raises:
        H2OValueError: an unknown timestep or metric.
    """
    history = model.history
    timestep = "epoch" if timestep == "AUTO" else timestep
    named = dict.fromkeys(name for row in history for name in row)
    known = [name for name in named if name not in ("epoch", "step", "seconds")]
    if timestep not in ("epoch", "step", "seconds"):
        raise H2OValueError(f"timestep={timestep!r} is not known; use epoch, step or seconds.")
    if metric != "AUTO" and metric not in known:
        raise H2OValueError(f"metric={metric!r} is not known; use {', '.join(known)}.")
    plt = get_matplotlib_pyplot(server)
    if plt is None:
        return decorate_plot_result(figure=RAISE_ON_FIGURE_ACCESS)
    panels = [[metric]]
    if metric == "AUTO":
        # A single point, as of a critic that is trained once, makes no curve.
        drawn = [n for n in known if sum(row.get(n) is not None for row in history) > 1] or known
        losses = [name for name in drawn if name.endswith("loss")]
        panels = [p for p in (losses, [n for n in drawn if n not in losses]) if p]
    figure, axes = plt.subplots(
        len(panels),
        1,
        sharex=True,
        squeeze=False,
        figsize=(7, 3 * len(panels)),
        layout="constrained",
    )
    for axis, names in zip(axes[:, 0], panels, strict=True):
        for name in names:
            values = [row.get(name) for row in history]
            axis.plot(
                [row[timestep] for row in history],
                [float("nan") if value is None else value for value in values],
                label=name.replace("_", " "),
            )
        axis.grid(alpha=0.3)
        axis.legend()
    axes[-1, 0].set_xlabel(timestep)
    axes[0, 0].set_title(f"Scoring history of {model.parameters.model_id}")
    return finish(plt, figure, server, save_plot_path)


def tiled(images: npt.NDArray[np.uint8], across: int) -> npt.NDArray[np.uint8]:
    """Images (n, height, width[, 3]) as one, `across` a row, a grey pixel between them."""
    count, height, width, *colours = images.shape
    down = -(-count // across)
    canvas = np.full((down * (height + 1) + 1, across * (width + 1) + 1, *colours), 128, np.uint8)
    for index, image in enumerate(images):
        top, left = 1 + index // across * (height + 1), 1 + index % across * (width + 1)
        canvas[top : top + height, left : left + width] = image
    return canvas


def save_gif(frames: Sequence[npt.NDArray[np.uint8]], path: str) -> None:
    """Write images (height, width[, 3]), all of one size, as a film; the last one stays longer."""
    from PIL import Image

    scale = max(1, _GIF_PIXELS // frames[0].shape[1])
    pictures = [Image.fromarray(frame.repeat(scale, 0).repeat(scale, 1)) for frame in frames]
    seconds = [_GIF_SECONDS] * (len(pictures) - 1) + [_GIF_LAST_SECONDS]
    waits = [int(1000 * shown) for shown in seconds]
    pictures[0].save(Path(path), save_all=True, append_images=pictures[1:], duration=waits, loop=0)


def show_image(axis: Any, image: npt.NDArray[np.uint8]) -> None:
    """Draw an image (height, width[, 3]) on a matplotlib axis, without a frame."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)


def draw_grid(
    grid: Sequence[Sequence[npt.NDArray[np.uint8]]],
    names: Sequence[str] | None,
    title: str | None,
    server: bool,
    save_plot_path: str | None,
) -> Any:
    """Draw rows of images.

    Args:
        grid: images (height, width[, 3]) by row; rows may differ in length.
        names: a label for each row, or None.
        title: of the figure, or None.
        server: draw without a display.
        save_plot_path: file to write the plot to, or None.

    Returns:
        What H2O's own plots return: an object whose ``figure()`` is matplotlib's.
    """
    plt = get_matplotlib_pyplot(server)
    if plt is None:
        return decorate_plot_result(figure=RAISE_ON_FIGURE_ACCESS)
    across = max(map(len, grid))
    figure, axes = plt.subplots(
        len(grid),
        across,
        squeeze=False,
        figsize=(INCHES * across + 0.4, INCHES * len(grid) + 0.2),
        layout="compressed",
    )
    for row, images in enumerate(grid):
        for column in range(across):
            if column < len(images):
                show_image(axes[row, column], images[column])
            else:
                axes[row, column].set_axis_off()
        if names is not None:
            axes[row, 0].set_ylabel(names[row], rotation=0, ha="right", va="center")
    if title is not None:
        figure.suptitle(title)
    return finish(plt, figure, server, save_plot_path)


def finish(plt: Any, figure: Any, server: bool, save_plot_path: str | None) -> Any:
    """Write a figure to a file, show it unless `server`, and wrap it as H2O's own plots do."""
    if save_plot_path is not None:
        figure.savefig(save_plot_path)
    if not server:
        plt.show()
    return decorate_plot_result(figure=figure)
