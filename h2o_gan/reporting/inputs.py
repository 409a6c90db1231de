"""What a report is made from: frames of the cluster, and random rows of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from h2o.frame import H2OFrame

from h2o_gan.reporting.measures.columns import Bins, Counts
from h2o_gan.reporting.measures.rows import Field, Rows, Samples
from h2o_gan.reporting.measures.statistics import share_interval

__all__ = ["Inputs", "Options", "Part"]

_OVERLAP = 0.05  # of unseen rows with training rows, beyond chance


@dataclass(frozen=True)
class Options:
    """What the user asks for.

    Attributes:
        response: the column that models shall predict; None for those that can be predicted best.
        groups: a column by whose levels everything is shown; None for no groups.
        automl_secs: seconds of AutoML for each of real and synthetic rows; 0 for none.
        show_rows: whether the report may show training rows, beside synthetic ones that are near.
        seed: of everything random.
    """

    response: str | None = None
    groups: str | None = None
    automl_secs: float = 0.0
    show_rows: bool = True
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Part:
    """One of the tables that are compared.

    Attributes:
        name: "training", "synthetic", "independent" or "unseen".
        rows: random rows of it, in random order.
        frame: the same rows in the same order as a temporary frame of the cluster, whose enums have
            the levels of all parts; removed with the report's inputs.
        whole: the user's frame; None for "independent", and for rows held out from training.
        total: number of rows of the whole table.
        counts: by column, what was counted over all rows of the whole table.
    """

    name: str
    rows: Rows
    frame: H2OFrame
    whole: H2OFrame | None
    total: int
    counts: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Inputs:
    """All that sections are computed from.

    Attributes:
        training: rows that the model was trained on.
        synthetic: the rows that are judged.
        independent: the sample of training, each column shuffled by itself.
        unseen: real rows that are not among the training rows.
        fields: the columns that are compared, of numbers, times and categories.
        options: what the user asks for.
        bins: by column, the bins of `Part.counts`.
        left_out: by column that is not compared, the reason.
        unseen_is_training: whether the unseen rows may have been trained on, since the user has no
            others; attacks against them then say nothing.
        relations: of the model: "relation", its text; "kind"; "origin"; and the shares of the
            samples' rows in which it holds: "training", "synthetic" and "unseen".
        copies: shares of all rows that are copies of training rows: "synthetic" and "unseen", and
            "training" for rows that have an equal in the training rows themselves. Where
            `unseen_is_training`, of all real rows.
        model_file: what the model's file holds about rows, by name; empty without a model.
        stop: is set where the user ends the report early.
        cache: what a section has computed and others use, by name.
    """

    training: Part
    synthetic: Part
    independent: Part
    unseen: Part
    fields: tuple[Field, ...]
    options: Options
    bins: Mapping[str, Bins] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    unseen_is_training: bool = False
    relations: tuple[Mapping[str, Any], ...] = ()
    copies: Mapping[str, float] = field(default_factory=dict)
    model_file: Mapping[str, Any] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    cache: dict[str, Any] = field(default_factory=dict, init=False)

    @property
    def overlap(self) -> float | None:
        """The share of unseen rows that equal a training row, if it is too large for chance.

        By chance it is about the share of training rows that have an equal among themselves.
        """
        share, usual = self.copies.get("unseen"), self.copies.get("training")
        if share is None or usual is None or self.unseen_is_training:
            return None
        total = self.unseen.total
        return share if share_interval(share * total, total)[0] > usual + _OVERLAP else None

    @property
    def samples(self) -> Samples:
        """The random rows."""
        return Samples(
            self.training.rows,
            self.synthetic.rows,
            self.independent.rows,
            self.unseen.rows,
            self.options.seed,
        )
