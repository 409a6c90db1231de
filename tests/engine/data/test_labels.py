"""Labels of images: classes, their shares, and their indices."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.labels import Labels
from h2o_gan.engine.exceptions import Damaged


def levels(values, dictionary):
    indices = pa.array([dictionary.index(value) for value in values], pa.int32())
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, pa.array(dictionary))])


@pytest.fixture
def animals():
    """Three of four levels occur."""
    return Labels.fit(
        "animal", levels(["owl", "cat", "owl", "ant"], ["ant", "bee", "cat", "owl"]), 2
    )


@pytest.fixture
def digits():
    return Labels.fit("digit", pa.chunked_array([[7, 3], [3, 3]]), 0)


def test_classes_are_the_levels_that_occur(animals):
    assert animals.classes == ("ant", "cat", "owl") and animals.shares == (0.25, 0.25, 0.5)
    assert animals.column.levels == ("ant", "bee", "cat", "owl") and animals.position == 2


def test_classes_of_numbers_ascend(digits):
    assert digits.classes == (3, 7) and digits.shares == (0.75, 0.25)


def test_labels_are_encoded_and_decoded(animals, digits):
    values = levels(["owl", "bee", "ant"], ["owl", "ant", "bee"])  # in another order
    assert animals.encode(values).tolist() == [2, -1, 0]
    back = animals.decode(np.array([2, 0]))
    assert back.to_pylist() == ["owl", "ant"]
    assert back.dictionary.to_pylist() == ["ant", "bee", "cat", "owl"]
    assert digits.encode(pa.chunked_array([[3, 4, 7]])).tolist() == [0, -1, 1]
    assert digits.decode(np.array([1, 0])).to_pylist() == [7, 3]


def test_a_label_has_an_index(animals, digits):
    assert animals.index_of("cat") == 1 and digits.index_of(7) == 1 and digits.index_of(7.0) == 1
    for labels, label in ((animals, "bee"), (digits, 4), (digits, "3"), (digits, True)):
        with pytest.raises(ValueError, match=f"has no label {label!r}; it has"):
            labels.index_of(label)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.chunked_array([[0.5, 1.5]]), "its column is real: convert it with asfactor"),
        (pa.chunked_array([[1, None]]), "no label in 1 rows"),
        (pa.chunked_array([list(range(1001))]), "has 1,001 classes"),
    ],
)
def test_other_columns_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Labels.fit("y", values, 0)


def test_labels_come_back_from_json(animals, digits):
    for labels in (animals, digits):
        assert Labels.from_json(labels.to_json(), 3) == labels


@pytest.mark.parametrize(
    "change",
    [
        {"place": 3}, {"classes": ["ant", "cat"]}, {"classes": ["ant", "cat", "cat"]},
        {"classes": ["ant", "cat", "dog"]}, {"classes": [1, 2, 3]}, {"shares": [0.5, 0.5, 0]},
    ],
)  # fmt: skip
def test_other_json_is_damaged(animals, change):
    with pytest.raises(Damaged, match="labels do not fit"):
        Labels.from_json({**animals.to_json(), **change}, 3)
