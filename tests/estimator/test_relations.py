"""Formulas and rules between columns: shown, given and refused, from a notebook."""

import h2o
import numpy as np
import pyarrow as pa
import pytest
from h2o.exceptions import H2OTypeError, H2OValueError
from sklearn.base import clone

import h2o_gan
from h2o_gan import H2OGANEstimator, extension
from h2o_gan.cluster.frames import read_frame, write_frame

pytestmark = pytest.mark.usefixtures("cluster")

SHORT = {"epochs": 2, "discriminator_epochs": 0, "seed": 1}
RULES = ["checkin < checkout", "nights <= 30 or room = 'double'"]
FOUND = ["total = nights * price", "deposit = total"]


@pytest.fixture(scope="module")
def bookings(cluster):
    """Totals that add up; the deposit is the whole total in a third of the rows."""
    rng, n, day = np.random.default_rng(0), 300, 86_400_000
    price, start = rng.integers(2_000, 9_000, n) / 100, rng.integers(18_000, 18_900, n)
    nights = rng.integers(1, 15, n)
    total = (price * nights).round(2)
    table = pa.table(
        {
            "checkin": pa.array(start * day).cast(pa.timestamp("ms")),
            "checkout": pa.array((start + nights) * day).cast(pa.timestamp("ms")),
            "nights": nights,
            "price": price,
            "total": total,
            "deposit": np.where(rng.random(n) < 0.3, total, (total * rng.random(n)).round(2)),
            "room": pa.array(rng.choice(["single", "double"], n)).dictionary_encode(),
        }
    )
    yield write_frame(table, "bookings")
    h2o.remove("bookings")


@pytest.fixture(scope="module")
def related(bookings):
    gan = H2OGANEstimator(constraints=RULES, model_id="related", **SHORT)
    yield gan.train(training_frame=bookings)
    h2o.remove("related")


def test_what_holds_is_shown(related, capsys):
    shown = related.relation_summary().set_index("relation")
    assert list(shown.index[:2]) == RULES and set(shown["origin"][:2]) == {"declared"}
    assert set(shown["origin"][2:]) == {"found"} and set(FOUND) < set(shown.index)
    assert shown.loc[FOUND[0], ["kind", "share"]].tolist() == ["formula", 1]
    assert shown.loc[FOUND[1], "kind"] == "formula" and 0.2 < shown.loc[FOUND[1], "share"] < 0.4
    assert set(shown["kind"][:2]) == {"condition"}
    columns = related.column_summary().set_index("column")
    assert columns.loc["total", ["treated_as", "values"]].tolist() == ["computed", FOUND[0]]
    related.show_summary()
    assert "Relations" in capsys.readouterr().out


@pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK")
def test_the_cluster_shows_it_too(related):
    output = h2o.api("GET /3/Models/related")["models"][0]["output"]
    table = output["relation_summary"]
    expected = related.relation_summary(as_data_frame=False)
    assert [tuple(row)[-4:] for row in table.cell_values] == [
        tuple(r) for r in expected.cell_values
    ]
    assert h2o.get_model("related").relation_summary().equals(related.relation_summary())


def test_generated_rows_keep_it(related):
    frame = related.generate(300, seed=1)
    rows = read_frame(frame).read_all().to_pandas()
    h2o.remove(frame)
    assert np.allclose(rows["total"], (rows["price"] * rows["nights"]).round(2), rtol=0, atol=1e-9)
    assert (rows["checkin"] < rows["checkout"]).all()


def test_where_nothing_holds_the_table_is_empty(latent, capsys):
    shown = latent.relation_summary()
    assert len(shown) == 0 and list(shown) == ["relation", "kind", "share", "origin"]
    assert latent.relation_summary(as_data_frame=False) is None
    latent.show_summary()
    assert "Relations" not in capsys.readouterr().out
    with pytest.raises(H2OValueError, match=r"call train\(\) first"):
        H2OGANEstimator().relation_summary()


def test_rules_are_a_list_or_text(related, tmp_path):
    gan = H2OGANEstimator(constraints=RULES)
    assert gan.constraints is RULES and clone(gan).constraints == RULES
    text = gan.set_params(constraints="; ".join(RULES), relations=False)
    assert text.constraints == "; ".join(RULES) and text.relations is False
    with pytest.raises(TypeError, match="constraints must be text or a list of texts, not 3"):
        gan.set_params(constraints=["a = b", 3])
    assert gan.constraints == "; ".join(RULES)
    assert related.params["constraints"]["input"] == RULES
    assert related.actual_params["constraints"] == tuple(RULES)
    loaded = h2o_gan.load_model(related.save(tmp_path))
    assert loaded.constraints == tuple(RULES)
    assert loaded.relation_summary().equals(related.relation_summary())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"constraints": "nigths > 0"}, H2OValueError, "no column 'nigths'; did you mean nights?"),
        ({"constraints": ["nights >"]}, H2OValueError, r"constraints: expected .* found the end"),
        ({"constraints": "room = 3"}, H2OTypeError, "constraints: "),
        (
            {"constraints": "total > 0", "ignored_columns": ["total"]},
            H2OValueError,
            "'total > 0' is about column 'total', which is not trained on",
        ),
    ],
)
def test_what_does_not_fit_is_one_message_before_anything_is_read(
    bookings, parameters, error, message
):
    gan = H2OGANEstimator(**SHORT, **parameters)
    with pytest.raises(error, match=message):
        gan.train(training_frame=bookings)


def test_what_the_rows_tell_is_one_message_and_leaves_nothing(bookings, no_leaks):
    for parameters, message in (
        ({"constraints": "room = 'suite'"}, "column 'room' has no level 'suite'"),
        (
            {"constraints": "nights < 3; price > 0"},
            r"(?s)1 of 2 rules does not hold .*'nights < 3' is broken by \d+ rows.*='drop'",
        ),
        (
            {"ignored_relations": "total = nights"},
            r"no relation 'total = nights'; there are: .*'total = nights \* price'",
        ),
    ):
        gan = H2OGANEstimator(**SHORT, **parameters)
        with pytest.raises(ValueError, match=message):
            gan.train(training_frame=bookings)
        with pytest.raises(H2OValueError, match=r"call train\(\) first"):
            gan.relation_summary()


def test_rows_that_break_a_rule_can_be_left_out(bookings, no_leaks):
    gan = H2OGANEstimator(
        constraints=["nights < 9"], constraint_errors="drop", ignored_relations=FOUND, **SHORT
    )
    with pytest.warns(RuntimeWarning, match=r"\d+ of 300 training rows break rules"):
        gan.train(training_frame=bookings)
    no_leaks.add(gan.model_id)
    assert gan.get_summary()["training_rows"][0] < 250
    assert not set(FOUND) & set(gan.relation_summary()["relation"])
    frame = gan.generate(100, seed=1)
    assert frame["nights"].max() <= 8
    h2o.remove(frame)
