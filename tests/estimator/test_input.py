"""Input that does not fit: one error each, before any training, naming what is wrong."""

import subprocess
import sys
import textwrap

import h2o
import pytest
from h2o.exceptions import H2OConnectionError, H2OTypeError, H2OValueError

from h2o_gan import H2OGANEstimator

pytestmark = pytest.mark.usefixtures("cluster")


def test_columns_are_chosen_by_x_y_and_ignored_columns(prostate):
    def columns(**arguments):
        gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1).train(
            training_frame=prostate, **arguments
        )
        return [column.name for column in gan.engine_model.columns]

    assert columns(x=["PSA", "AGE"]) == ["AGE", "PSA"]
    assert columns(x=["PSA", 2], y="CAPSULE") == ["CAPSULE", "AGE", "PSA"]
    assert columns(x=-1, y=1) == ["CAPSULE", "GLEASON"]
    assert columns(ignored_columns=["ID", 3]) == [
        n for n in prostate.names if n not in ("ID", prostate.names[3])
    ]
    assert columns(x=["AGE", "PSA"], weights_column="VOL") == ["AGE", "PSA"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "training_frame is missing"),
        ({"training_frame": 5}, "training_frame must be an H2OFrame, not int"),
        ({"training_frame": "no_such_frame"}, "no_such_frame"),
    ],
)
def test_a_training_frame_is_needed(arguments, message):
    with pytest.raises((H2OValueError, H2OTypeError), match=message):
        H2OGANEstimator().train(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": "nope"}, "y: frame 'prostate_mixed' has no column 'nope'; it has 'ID', 'CAPSULE'"),
        ({"y": 99}, "y: frame 'prostate_mixed' has no column 99"),
        ({"x": ["AGE", "nope"]}, "x: frame 'prostate_mixed' has no column 'nope'"),
        ({"ignored_columns": ["nope"]}, "ignored_columns: .*'nope'"),
        ({"weights_column": "nope"}, "weights_column: .*'nope'"),
        ({"weights_column": "RACE"}, "weights_column 'RACE' is not numeric"),
        ({"x": ["AGE"], "ignored_columns": ["ID"]}, "x and ignored_columns"),
        ({"offset_column": "AGE"}, "offset_column does not apply"),
        ({"fold_column": "AGE"}, "fold_column does not apply"),
        ({"y": "ID", "ignored_columns": ["ID"]}, "y='ID' is ignored"),
        ({"ignored_columns": list(range(9))}, "every column of frame 'prostate_mixed' is ignored"),
        ({"max_runtime_secs": -1}, "max_runtime_secs must be at least 0"),
    ],
)
def test_columns_that_do_not_fit_are_named(prostate, arguments, message):
    with pytest.raises(ValueError, match=message):
        H2OGANEstimator().train(training_frame=prostate, **arguments)


def test_a_validation_frame_must_have_the_columns(prostate):
    with pytest.raises(H2OValueError, match="validation_frame: .* no column 'PSA'"):
        H2OGANEstimator().train(
            x=["AGE", "PSA"], training_frame=prostate, validation_frame=prostate[["AGE", "VOL"]]
        )
    gan = H2OGANEstimator(epochs=1, discriminator_epochs=1, seed=1)
    gan.train(x=["AGE", "PSA"], training_frame=prostate, validation_frame=prostate[:100, :])
    assert "validation_held_out_loss" in gan.scoring_history()


def test_an_empty_frame_is_refused(prostate):
    with pytest.raises(H2OValueError, match="has no rows"):
        H2OGANEstimator().train(training_frame=prostate[prostate["AGE"] > 1_000, :])


def test_a_removed_frame_is_named(cluster):
    frame = h2o.H2OFrame({"a": [1, 2, 3]})
    h2o.remove(frame)
    with pytest.raises(H2OValueError, match="training_frame was removed"):
        H2OGANEstimator().train(training_frame=frame)
    frame = h2o.H2OFrame({"a": [1, 2, 3]}, destination_frame="soon_gone")
    frame.refresh()
    h2o.remove("soon_gone", cascade=False)
    with pytest.raises((H2OValueError, H2OConnectionError, ValueError), match="soon_gone"):
        H2OGANEstimator().train(training_frame=frame)


def test_no_cluster_is_said_clearly():
    program = textwrap.dedent("""
        import h2o_gan, h2o
        from h2o.frame import H2OFrame
        try:
            h2o_gan.H2OGANEstimator().train(training_frame="some_frame")
        except Exception as error:
            print(type(error).__name__, error)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "H2OConnectionError" in done.stdout and "h2o.connect(" in done.stdout, done.stderr


def test_a_response_of_text_is_refused(cluster):
    frame = h2o.H2OFrame({"a": [1, 2, 3], "note": ["p", "q", "r"]}, column_types=["int", "string"])
    with pytest.raises(H2OValueError, match=r"y='note' is a column of text.*asfactor\(\)"):
        H2OGANEstimator().train(y="note", training_frame=frame)
