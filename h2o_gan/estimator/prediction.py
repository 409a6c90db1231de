"""Methods of the estimator that tell something about a frame: predictions, and performance."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster.training_data import check_column_types, resolve_frame, whole_number
from h2o_gan.estimator.performance import GANModelMetrics
from h2o_gan.estimator.sampling import SamplingMethods
from h2o_gan.estimator.trained import as_h2o_errors
from h2o_gan.notices import listed
from h2o_gan.parameters.limits import QUANTILES

__all__ = ["PredictionMethods"]


class PredictionMethods(SamplingMethods):
    """Methods of :class:`~h2o_gan.H2OGANEstimator` that predict columns and measure the model."""

    def predict_column(
        self,
        frame: H2OFrame,
        column: str,
        seed: int | None = None,
        destination_frame: str | None = None,
        *,
        draws: int | None = None,
        quantiles: Sequence[float] = QUANTILES,
    ) -> H2OFrame:
        """Predict any column from any others, as H2O's classifiers and regressors do.

        Args:
            frame: a frame with some of the training columns. What is missing in it, cells and
                columns, is not known: predictions are means over what it may be. `column` itself
                and columns that the model does not have are not used.
            column: name of the column to predict.
            seed: of the draws; None for the same ones each time.
            destination_frame: key of the new frame; a new one by default.
            draws: as of :meth:`impute`.
            quantiles: those wanted of a number or a time.

        Returns:
            A frame with one row for each row. For levels ``predict``, the most probable one, and
            the probability of each, in a column of its name; whole numbers have a ``p`` before
            them. For numbers ``predict``, the mean, and the quantiles ``q0.1``, ``q0.5`` and
            ``q0.9``; for times the same, as times.

        Raises:
            H2OValueError, ValueError, TypeError: a column is of another type, an argument does not
                fit, or this family of models does not predict columns.
        """
        from h2o_gan.cluster.frames import read_frame
        from h2o_gan.engine.estimates import check_quantiles

        model = self.engine_model
        seed = None if seed is None else whole_number(seed, "seed")
        with as_h2o_errors():
            model.require("prediction of columns")
            quantiles = check_quantiles(quantiles)
        frame = resolve_frame(frame, "frame", "predict_column")
        names = [own.name for own in model.columns]
        if column not in names:
            raise H2OValueError(f"the model has no column {column!r}; it has {listed(names)}.")
        known = [own for own in model.columns if own.name in frame.names and own.name != column]
        if not known:
            raise H2OValueError(
                f"frame has no column from which {column!r} could be predicted; the model has "
                f"{listed(names)}."
            )
        check_column_types(frame, known)
        table = read_frame(frame, [own.name for own in known]).read_all()
        with as_h2o_errors():
            rows = model.predict_column(table, column, seed, draws=draws, quantiles=quantiles)
        return self._write_rows(rows, table.num_rows, destination_frame)

    def model_performance(
        self,
        test_data: H2OFrame | None = None,
        train: bool = False,
        valid: bool = False,
        xval: bool = False,
    ) -> GANModelMetrics:
        """Measure how well the model knows a frame; ``print`` shows it.

        For tables that is the mean log density of the rows, in all and for each column, and for all
        models how well trees tell samples from the rows (at most 2,000 of them).

        Args:
            test_data: the frame. None for the metrics of the last scoring: the log density is then
                that of rows held out from training.
            train: of the training rows; the default.
            valid: of the validation frame instead.
            xval: a GAN is not cross-validated.

        Raises:
            H2OValueError: a column is missing or of another type, or xval is asked for.
        """
        from h2o_gan.cluster.frames import open_frame
        from h2o_gan.engine.performance import measure

        model = self.engine_model
        if test_data is None:
            if xval:
                raise H2OValueError("a GAN is not cross-validated: give a frame, or valid=True.")
            if valid and self.parms.get("validation_frame", {}).get("actual_value") is None:
                raise H2OValueError("the model has no validation_frame: give a frame.")
            return GANModelMetrics.of_training(model, valid)
        test_data = resolve_frame(test_data, "test_data", "model_performance")
        names = self._compared_columns(test_data, "test_data")
        with closing(open_frame(test_data, names)) as source, as_h2o_errors():
            found = measure(self._model_with_root(), source.reader, test_data.nrow)
        return GANModelMetrics.of_frame(model, found)
