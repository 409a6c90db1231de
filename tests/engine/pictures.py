"""Tables of pixels for the tests."""

import pyarrow as pa


def pixels(images, **others):
    """A table of images, one a row: pixel columns p0, p1, ... and then the other columns."""
    flat = images.reshape(len(images), -1)
    columns = {f"p{index}": pa.array(flat[:, index]) for index in range(flat.shape[1])}
    return pa.table({**columns, **others})
