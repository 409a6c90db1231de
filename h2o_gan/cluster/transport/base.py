"""What all readers share: a frame whose transfer can be closed, and the errors of reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence

import pyarrow as pa
from h2o import H2OFrame
from h2o.exceptions import H2OResponseError, H2OServerError, H2OValueError

from h2o_gan.notices import listed


class OpenFrame:
    """A frame on its way out of the cluster. Closing it ends the transfer and cleans up at once.

    Without closing, that happens once nothing refers to the reader any more; a traceback may.

    Args:
        schema: of the rows.
        batches: the rows.

    Attributes:
        reader: the rows.
    """

    def __init__(self, schema: pa.Schema, batches: Generator[pa.RecordBatch, None, None]) -> None:
        self._batches = _Closable(batches)
        self.reader = pa.RecordBatchReader.from_batches(schema, self._batches)

    def close(self) -> None:
        """End the transfer; the reader then refuses to go on."""
        self._batches.close()


class _Closable:
    """A generator that raises once it is closed, where it would look exhausted and lose rows.

    The reader must not refer to OpenFrame: a reference cycle outlives its last user.
    """

    def __init__(self, batches: Generator[pa.RecordBatch, None, None]) -> None:
        self._batches = batches
        self._closed = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._closed:
            raise H2OValueError("this frame's reader was closed; read the frame again")
        return next(self._batches)

    def close(self) -> None:
        self._closed = True
        self._batches.close()


def key_of(frame: H2OFrame) -> str:
    """A frame's key in the cluster; a lazy frame is evaluated first.

    Raises:
        H2OValueError: the frame was removed, or cannot be evaluated.
    """
    if getattr(frame, "_ex", None) is None:
        raise H2OValueError(
            "this H2OFrame was removed from the cluster; import or compute it again"
        )
    try:
        key: str = frame.frame_id
    except (H2OResponseError, H2OServerError) as error:
        raise H2OValueError(
            f"the cluster cannot evaluate this frame (was a frame it is made of removed?): {error}"
        ) from error
    return key


def chosen(key: str, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Indices of the columns to read.

    Args:
        key: of the frame.
        names: of all its columns.
        wanted: names of the columns to read.

    Raises:
        H2OValueError: there is no such column, or one is named twice.
    """
    if isinstance(wanted, str):
        raise H2OValueError(f"columns must be a list of names; write columns=[{wanted!r}]")
    number = {name: i for i, name in enumerate(names)}
    unknown = [name for name in wanted if name not in number]
    if unknown:
        raise H2OValueError(
            f"frame {key!r} has no column {unknown[0]!r}; its columns are {listed(names, 20)}"
        )
    repeated = [name for name, count in Counter(wanted).items() if count > 1]
    if repeated:
        raise H2OValueError(f"column {repeated[0]!r} is asked for twice; ask for it once")
    return [number[name] for name in wanted]


def gone(key: str) -> H2OValueError:
    """The error to raise for a frame that is not in the cluster."""
    return H2OValueError(
        f"frame {key!r} is not in the cluster (any more); import or compute it again "
        "(h2o.ls() lists what is there)"
    )


def changed(key: str) -> H2OValueError:
    """The error to raise for a frame that changed while it was read."""
    return H2OValueError(
        f"frame {key!r} was changed or removed while it was being read, or the cluster failed to "
        "export it (its log says more); read it again"
    )
