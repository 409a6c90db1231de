"""Codes as features and back: tables and pixels."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.mlp.features import feature_transform, width_of

CPU = torch.device("cpu")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    return pa.table(
        {
            "number": pa.array(random.normal(size=300), mask=random.random(300) < 0.2),
            "wide": pa.array(random.choice(list("abcdefghi"), 300)).dictionary_encode(),
            "flag": pa.array(random.choice(["no", "yes"], 300)).dictionary_encode(),
        }
    )


@pytest.fixture(scope="module")
def encoder(table):
    return TableEncoder.fit(table, None, True, None)


@pytest.fixture
def features(encoder):
    return feature_transform(encoder, CPU)


def test_the_spans_cover_all_outputs(encoder, features):
    assert [(span.column, span.width, span.activation) for span in features.spans] == [
        ("number", 1, "tanh"), ("number", 2, "softmax"), ("wide", 9, "softmax"),
        ("flag", 2, "softmax"),
    ]  # fmt: skip
    ends = np.cumsum([span.width for span in features.spans])
    assert [span.start for span in features.spans] == [0, *ends[:-1]]
    assert features.width == ends[-1] == width_of(encoder)


def test_codes_become_one_hot_choices_and_positions(table, encoder, features):
    codes = encoder.encode(table)
    out = features.expand(codes, rng())
    assert out.shape == (300, 14) and out.dtype == torch.float32
    missing = torch.from_numpy(table["number"].is_null().to_numpy(zero_copy_only=False))
    assert torch.equal(out[:, 2] == 1, missing) and torch.equal(out[:, 1] == 0, missing)
    assert (out[:, 3:12].sum(1) == 1).all() and (out[:, 12:].sum(1) == 1).all()
    assert out[:, 0].abs().max() <= 1
    middle = features.expand(codes, None)
    assert torch.equal(features.expand(codes, None), middle)
    assert not torch.equal(out[:, 0], middle[:, 0]) and torch.equal(out[:, 1:], middle[:, 1:])


def test_discretized_features_are_the_codes_they_came_from(table, encoder, features):
    """What was one-hot is the likeliest choice, and atanh undoes tanh."""
    codes = encoder.encode(table)
    out = features.expand(codes, None)
    raw = out * 10
    raw[:, 0] = torch.atanh(out[:, 0].clamp(-0.999999, 0.999999))
    rows = features.discretize(raw, None)
    assert rows.shape == (300, 3) and rows.dtype == torch.float64
    missing = torch.from_numpy(table["number"].is_null().to_numpy(zero_copy_only=False))
    assert torch.equal(rows[:, 0].isnan(), missing)
    assert torch.allclose(rows[~missing, 0], (out[~missing, 0].double() + 1) / 2, atol=1e-4)
    assert torch.equal(rows[:, 1:], codes[:, 1:].double())


def test_choices_are_drawn_with_their_probabilities(features):
    raw = torch.zeros(20_000, 14)
    raw[:, 12] = np.log(3)  # of "flag": 3 to 1
    flags = features.discretize(raw, rng())[:, 2]
    assert flags.mean().item() == pytest.approx(0.25, abs=0.02)
    levels = features.discretize(raw, rng())[:, 1].long()
    assert torch.bincount(levels, minlength=9).float().std() < 0.1 * 20_000 / 9


def test_relaxed_choices_are_nearly_one_hot_and_pass_gradients(features):
    raw = torch.randn(500, 14, generator=rng()).requires_grad_()
    out = features.relax(raw, rng())
    assert torch.allclose(out[:, 0], torch.tanh(raw[:, 0]))
    for part in (slice(1, 3), slice(3, 12), slice(12, 14)):
        assert torch.allclose(out[:, part].sum(1), torch.ones(500), atol=1e-5)
        assert (out[:, part].max(1).values > 0.9).float().mean() > 0.5
    (grad,) = torch.autograd.grad(out.square().sum(), raw)
    assert torch.isfinite(grad).all() and (grad.abs().sum(0) > 0).all()


def test_pixels_are_scaled_and_back():
    pixels = np.random.default_rng(0).integers(0, 17, (20, 64))
    table = pa.table({f"p{index}": pixels[:, index] for index in range(64)})
    encoder = PixelEncoder.fit(table)
    features = feature_transform(encoder, CPU)
    codes = encoder.encode(table)
    out = features.expand(codes, None)
    assert features.width == width_of(encoder) == 64
    assert out.min() == -1 and out.max() == 1
    raw = torch.atanh(out.clamp(-0.999999, 0.999999))
    assert torch.allclose(features.relax(raw, rng()), out, atol=1e-5)
    values = features.discretize(raw, None)
    assert torch.equal((values * encoder.levels).round().to(torch.uint8), codes)


def test_other_encoders_have_no_features():
    with pytest.raises(TypeError, match="no features for a str"):
        feature_transform("text", CPU)
    with pytest.raises(TypeError, match="no features for a str"):
        width_of("text")
