"""Methods of the estimator for images, and the search for copies of training rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import h2o
import numpy as np
from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame
from h2o.plot import RAISE_ON_FIGURE_ACCESS, decorate_plot_result, get_matplotlib_pyplot

from h2o_gan.cluster.training_data import resolve_frame, whole_number
from h2o_gan.estimator.plots import INCHES, draw_grid, finish, save_gif, show_image, tiled
from h2o_gan.estimator.trained import TrainedModel, as_h2o_errors

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from h2o_gan.engine.model import Model

__all__ = ["ImageMethods"]

_PER_CLASS = 8


class ImageMethods(TrainedModel):
    """Methods of :class:`~h2o_gan.H2OGANEstimator` that show or return images, or look for copies.

    All but :meth:`copies` and :meth:`plot_copies` need a model of images.
    """

    def generate_images(
        self,
        n: int | None = None,
        seed: int | None = None,
        *,
        conditions: Mapping[str, Any] | None = None,
        balance: str | None = None,
        latents: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.uint8]:
        """Generate images as an array, without the cluster.

        Args:
            n: number of images, at least 1; may be left out where `latents` are given.
            seed: 0 or more; the same seed gives the same images. None draws a new one.
            conditions: for a model trained with labels, the label of all images, as ``{"label":
                7}``, or a list of labels to choose from.
            balance: the label's column, for equal numbers of each label in turn.
            latents: (n, latent_size) latent vectors to turn into images; for a model with labels,
                `conditions` gives their label, one for all or a list with one for each.

        Returns:
            uint8 (n, height, width), or (n, height, width, 3) for colours; 255 is the largest
            value of the training data, 0 the smallest.

        Raises:
            H2OValueError, ValueError, TypeError: an argument does not fit, or the model is of a
                table.
        """
        model = self._image_model()
        if latents is not None:
            labels = _labels_of_latents(model, latents, conditions)
            with as_h2o_errors():
                return model.images_of_latents(latents, labels)
        if n is None:
            raise H2OValueError("n is missing: say how many images to generate.")
        n = whole_number(n, "n")
        seed = None if seed is None else whole_number(seed, "seed")
        with as_h2o_errors():
            return model.images(n, seed, conditions=conditions, balance=balance)

    def plot_samples(
        self,
        n: int | None = None,
        seed: int | None = None,
        *,
        conditions: Mapping[str, Any] | None = None,
        server: bool = False,
        save_plot_path: str | None = None,
    ) -> Any:
        """Draw a grid of generated images: a row for each class where there are labels.

        Args:
            n: number of images; by default eight of each class, or 64.
            seed: as in :meth:`generate_images`.
            conditions: as in :meth:`generate_images`.
            server: draw without a display.
            save_plot_path: file to write the plot to.

        Returns:
            What H2O's own plots return: an object whose ``figure()`` is matplotlib's.

        Raises:
            H2OValueError, ValueError, TypeError: as :meth:`generate_images`.
        """
        model = self._image_model()
        labels = model.encoder.labels
        if labels is None or conditions:
            images = self.generate_images(n or 64, seed, conditions=conditions)
            across = math.ceil(math.sqrt(len(images)))
            grid = [list(images[at : at + across]) for at in range(0, len(images), across)]
            return draw_grid(grid, None, None, server, save_plot_path)
        classes = labels.classes
        images = self.generate_images(
            n or _PER_CLASS * len(classes), seed, balance=labels.column.name
        )
        grid = [list(images[index :: len(classes)]) for index in range(len(classes))]
        labelled = [(row, str(name)) for row, name in zip(grid, classes, strict=True) if row]
        return draw_grid(
            [row for row, _ in labelled],
            [name for _, name in labelled],
            None,
            server,
            save_plot_path,
        )

    def plot_interpolation(
        self,
        labels: Sequence[Any] | None = None,
        seed: int | None = None,
        *,
        rows: int = 5,
        steps: int = 10,
        server: bool = False,
        save_plot_path: str | None = None,
    ) -> Any:
        """Draw images between pairs of latent vectors, a row for each pair.

        The path follows the sphere near which latent vectors lie (White 2016, arXiv 1609.04468). A
        model that has learned shapes changes one image into the other gradually; a model that has
        memorised images jumps.

        Args:
            labels: the label of each row, for a model with labels; by default its first ones.
            seed: 0 or more, for the same latent vectors again.
            rows: number of pairs where `labels` is not given.
            steps: images in a row, both ends included.
            server: draw without a display.
            save_plot_path: file to write the plot to.

        Returns:
            What H2O's own plots return: an object whose ``figure()`` is matplotlib's.

        Raises:
            H2OValueError, ValueError: an argument does not fit, or the model has no latent vectors.
        """
        model = self._image_model()
        if steps < 2 or rows < 1:
            raise H2OValueError("steps must be at least 2, rows at least 1.")
        known = model.encoder.labels
        if known is None and labels is not None:
            raise H2OValueError("labels: this model was trained without labels; leave them out.")
        if known is not None:
            labels = list(labels if labels is not None else known.classes[:rows])
            rows = len(labels)
        rng = np.random.default_rng(seed)
        if model.latent_size is None:
            raise H2OValueError("this model has no latent vectors to interpolate.")
        ends = rng.standard_normal((rows, 2, model.latent_size))
        path_latents = np.concatenate([_sphere(first, last, steps) for first, last in ends])
        conditions = None
        if known is not None and labels is not None:
            conditions = {known.column.name: [label for label in labels for _ in range(steps)]}
        images = self.generate_images(latents=path_latents, conditions=conditions)
        grid = [list(images[at : at + steps]) for at in range(0, len(images), steps)]
        names = None if labels is None else [str(label) for label in labels]
        return draw_grid(grid, names, None, server, save_plot_path)

    def plot_progress(
        self,
        epoch: int | None = None,
        *,
        server: bool = False,
        save_plot_path: str | None = None,
    ) -> Any:
        """Draw the images that the same latent vectors gave at a scoring during training.

        Args:
            epoch: of the scoring; the last one by default.
            server: draw without a display.
            save_plot_path: file to write to; a name that ends in .gif gets all scorings, one after
                the other, whatever `epoch` is.

        Returns:
            What H2O's own plots return: an object whose ``figure()`` is matplotlib's.

        Raises:
            H2OValueError: there is no such scoring, or the model has no images of its training.
        """
        from h2o_gan.engine.image.trainer import preview_columns

        model = self._image_model()
        previews = model.training_previews
        if not previews:
            raise H2OValueError(
                "this model has no images of its training; architecture='convolutional' has."
            )
        shown = max(previews) if epoch is None else epoch
        if shown not in previews:
            raise H2OValueError(
                f"epoch={epoch} has no images; those that have are {', '.join(map(str, previews))}."
            )
        labels = model.encoder.labels
        across = preview_columns(0 if labels is None else len(labels.classes))
        if save_plot_path is not None and str(save_plot_path).lower().endswith(".gif"):
            save_gif([tiled(images, across) for images in previews.values()], save_plot_path)
            save_plot_path = None
        images = previews[shown]
        grid = [list(images[at : at + across]) for at in range(0, len(images), across)]
        return draw_grid(grid, None, f"epoch {shown}", server, save_plot_path)

    # ---- copies

    def copies(
        self,
        frame: H2OFrame,
        training_frame: H2OFrame | str | None = None,
        destination_frame: str | None = None,
    ) -> H2OFrame:
        """Find the training row nearest to each row of a frame, and the distance to it.

        For images the distance is the root of the mean squared difference of pixels, on a scale of
        0 to 1; for tables the mean difference over the columns, 0 to 1 each (Gower 1971). It is
        compared with the distances of unseen real rows, which are estimated leave-one-out on the
        training rows.

        Args:
            frame: rows to examine, usually generated ones.
            training_frame: what the model was trained on; by default the frame that `train` got.
            destination_frame: key of the new frame; a new one by default.

        Returns:
            A frame with one row per row: ``nearest_row``, its number in the training frame, from 0;
            ``distance``; ``real_distance``, the median distance of unseen real rows; and
            ``real_nearer``, the share of unseen real rows that are as near to a training row or
            nearer. Where many more than a hundredth of the rows have a ``real_nearer`` below .01,
            they are copies.

        Raises:
            H2OValueError, ValueError: a column is missing, or the training frame is gone.
        """
        from h2o_gan.cluster.frames import write_frame

        return write_frame(self._copies(frame, training_frame)[0], destination_frame)

    def plot_copies(
        self,
        frame: H2OFrame,
        training_frame: H2OFrame | str | None = None,
        n: int = 10,
        *,
        server: bool = False,
        save_plot_path: str | None = None,
    ) -> Any:
        """Draw how near rows come to training rows, and for images the `n` closest pairs.

        Args:
            frame: as in :meth:`copies`.
            training_frame: as in :meth:`copies`.
            n: number of pairs to show, generated image above, training image below.
            server: draw without a display.
            save_plot_path: file to write the plot to.

        Returns:
            What H2O's own plots return: an object whose ``figure()`` is matplotlib's.

        Raises:
            H2OValueError, ValueError: as :meth:`copies`.
        """
        found, rows, training = self._copies(frame, training_frame)
        model = self._model_with_root()
        plt = get_matplotlib_pyplot(server)
        if plt is None:
            return decorate_plot_result(figure=RAISE_ON_FIGURE_ACCESS)
        distances = found["distance"].to_numpy()
        closest = np.argsort(distances)[: max(n, 1)]
        has_images = model.encoder.image_shape is not None
        figure = plt.figure(
            figsize=(max(INCHES * len(closest), 6), 5 if has_images else 3), layout="constrained"
        )
        parts = figure.subfigures(2, 1, height_ratios=[3, 2]) if has_images else [figure]
        axis = parts[0].subplots()
        axis.hist(found["real_nearer"].to_numpy(), bins=20, range=(0, 1), color="0.5")
        axis.axhline(len(distances) / 20, color="black", linewidth=0.8, linestyle="--")
        axis.set_xlabel("share of unseen real rows that are as near to a training row, or nearer")
        axis.set_ylabel("rows")
        axis.set_title("Copies would pile up at 0; unseen real rows lie along the line")
        if has_images:
            # Read again, so that only the pairs are in memory as images.
            pairs = [rows.take(closest), training.take(found["nearest_row"].take(closest))]
            images = [model.images_of_rows(table) for table in pairs]
            axes = parts[1].subplots(2, len(closest), squeeze=False)
            for row, name in enumerate(("generated", "training")):
                for column, image in enumerate(images[row]):
                    show_image(axes[row, column], image)
                axes[row, 0].set_ylabel(name, fontsize=8)
        return finish(plt, figure, server, save_plot_path)

    def _copies(
        self, frame: H2OFrame, training_frame: H2OFrame | str | None
    ) -> tuple[pa.Table, pa.Table, pa.Table]:
        """The table that :meth:`copies` returns as a frame, and the rows of both frames."""
        from h2o_gan.engine.nearest import nearest_training_rows

        model = self._model_with_root()
        frame = resolve_frame(frame, "frame", "copies")
        if training_frame is None:
            entry = self.parms.get("training_frame", {})
            training_frame = entry.get("input_value")
            if training_frame is None or h2o.get_frame(training_frame) is None:
                raise H2OValueError(
                    "training_frame is missing: the frame that the model was trained on is not in "
                    "this cluster. Give it as training_frame."
                )
        training_frame = resolve_frame(training_frame, "training_frame", "copies")
        training = self._read_compared(training_frame, "training_frame")
        rows = self._read_compared(frame, "frame")
        return nearest_training_rows(model, rows, training), rows, training

    def _read_compared(self, frame: H2OFrame, parameter: str) -> pa.Table:
        """The columns of a frame that distances compare; for image files, their paths."""
        from h2o_gan.cluster.frames import open_frame

        names = self._compared_columns(frame, parameter)
        with closing(open_frame(frame, names)) as source:
            return source.reader.read_all()

    def _image_model(self) -> Model:
        model = self.engine_model
        if model.encoder.image_shape is None:
            raise H2OValueError(
                "this model was trained on a table, not on images: generate(n) draws rows."
            )
        return model


def _labels_of_latents(
    model: Model, latents: npt.ArrayLike, conditions: Mapping[str, Any] | None
) -> list[Any] | None:
    """A label for each latent vector, as conditions say; None for a model without."""
    labels = model.encoder.labels
    if labels is None:
        if conditions:
            raise H2OValueError(
                "conditions: this model was trained without labels; leave conditions out."
            )
        return None
    name = labels.column.name
    if set(conditions or ()) != {name}:
        raise H2OValueError(
            f"latents need labels too: give conditions={{{name!r}: ...}}, one label for all or a "
            "list."
        )
    wanted = (conditions or {})[name]
    count = len(np.atleast_2d(np.asarray(latents)))
    return list(wanted) if isinstance(wanted, list | tuple | np.ndarray) else [wanted] * count


def _sphere(first: npt.NDArray[Any], last: npt.NDArray[Any], steps: int) -> npt.NDArray[np.float64]:
    """(steps, size) points on the arc between two vectors."""
    angle = math.acos(np.clip(first @ last / (np.linalg.norm(first) * np.linalg.norm(last)), -1, 1))
    shares = np.linspace(0, 1, steps)[:, None]
    if math.sin(angle) < 1e-6:
        weights = 1 - shares, shares
    else:
        weights = (
            np.sin((1 - shares) * angle) / math.sin(angle),
            np.sin(shares * angle) / math.sin(angle),
        )
    arc: npt.NDArray[np.float64] = weights[0] * first + weights[1] * last
    return arc
