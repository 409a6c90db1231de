"""What all layers say to users."""

import pytest

from h2o_gan.notices import listed


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ([], ""),
        (["a", 2], "'a', 2"),
        (list("abc"), "'a', 'b', 'c'"),
        (list("abcd"), "'a', 'b', 'c', ... (4 in all)"),
    ],
)
def test_only_the_first_items_are_shown(items, wanted):
    assert listed(items, 3) == wanted


def test_ten_items_are_shown_as_the_caller_writes_them():
    text = listed([f"row {i}" for i in range(784)], show=str)
    assert text.startswith("row 0, row 1, ") and text.endswith("row 9, ... (784 in all)")
