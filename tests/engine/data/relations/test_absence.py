"""Missing cells that rules leave missing."""

import pyarrow as pa
import pytest

from h2o_gan.engine.data.relations.absence import lasting_gaps
from h2o_gan.engine.data.relations.checking import check_rules

STATUS = ["open", "closed", None, "open", "closed", "open"]
END = [None, None, None, 3.0, 4.0, None]
PAID = [None, 1.0, None, None, None, 6.0]
FEE = [None, None, None, 1.0, None, None]


def lasting(*texts, names=("status", "end", "paid", "fee"), **columns):
    table = pa.table(
        {
            "status": pa.array(STATUS).dictionary_encode(),
            "end": pa.array(END, pa.float64()),
            "paid": pa.array(PAID, pa.float64()),
            "fee": pa.array(FEE, pa.float64()),
        }
    )
    # No row breaks a rule where rules are checked: cells contradict them later.
    rules, _ = check_rules(list(texts), table.slice(2, 1), errors="drop")
    found = lasting_gaps(rules, table, names)
    return {name: [int(row) for row in mask.nonzero()[0]] for name, mask in found.items()}


UNLESS_CLOSED = "end is missing or status = 'closed'"


def test_what_a_level_leaves_missing():
    assert lasting(UNLESS_CLOSED) == {"end": [0, 5]}
    assert lasting(UNLESS_CLOSED, names=["paid"]) == {}


def test_what_may_still_be_filled_is_not_missing():
    """The end follows from a status that is filled too; so does what needs the end."""
    assert lasting("end is missing or paid is not missing") == {}
    assert lasting("end is missing or paid > 0 and fee > 0") == {}


def test_given_cells_that_break_a_rule_keep_nothing_missing():
    assert lasting("end is missing or paid > 0 and status = 'open'") == {"end": [1]}


def test_what_is_missing_with_others():
    assert lasting(UNLESS_CLOSED, "paid is missing or end is not missing") == {
        "end": [0, 5],
        "paid": [0],
    }
    together = "fee is missing and end is missing or fee is not missing and end is not missing"
    assert lasting(together, UNLESS_CLOSED) == {"end": [0, 5], "fee": [0, 5]}


@pytest.mark.parametrize("text", ["end >= 0", "end >= 0 or status = 'open'", "unique(end)"])
def test_rules_that_do_not_speak_of_gaps_leave_none(text):
    assert lasting(text) == {}


def test_sums_of_what_is_filled_are_not_missing():
    assert lasting("fee is missing or end + paid is not missing") == {}
    assert lasting("fee is missing or end + paid is not missing", UNLESS_CLOSED) == {
        "end": [0, 5],
        "fee": [0, 5],
    }


def test_whole_numbers_that_overflow_leave_nothing_missing():
    table = pa.table({"n": [2**62], "x": pa.array([None], pa.float64())})
    rules, _ = check_rules(["x is missing or n + n + n > 0"], pa.table({"n": [1], "x": [1.0]}))
    assert lasting_gaps(rules, table, ["x"]) == {}
