"""What sections are computed from, made of rows in memory on the running cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from h2o_gan.cluster.learners import sent
from h2o_gan.reporting.comparison import as_table
from h2o_gan.reporting.gathering import Source, gathered
from h2o_gan.reporting.inputs import Inputs, Options
from h2o_gan.reporting.measures.rows import Rows


@contextmanager
def gathered_rows(
    training: Rows, synthetic: Rows, unseen: Rows, options: Options | None = None
) -> Iterator[Inputs]:
    """The inputs of a report on rows; nothing stays in the cluster."""
    with ExitStack() as stack:
        frames = [
            stack.enter_context(sent(as_table(rows))) for rows in (training, synthetic, unseen)
        ]
        source = Source(frames[0], frames[1], frames[2])
        stop = threading.Event()
        yield stack.enter_context(gathered(source, options or Options(), stop, lambda share: None))
