"""Networks of images: shapes, initial state and conditioning."""

import pytest
import torch

from h2o_gan.engine.image.networks import (
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
    channels_last,
    stages_of,
)

SHAPES = [(8, 8, 1), (20, 33, 3)]
SIZES = {8: ImageSizes((4,), 1, 6, 1), 20: ImageSizes((4, 8, 8), 2, 6, 2)}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def made(kind, shape, classes):
    network = kind(shape, classes, SIZES[shape[0]])
    network.initialize(rng())
    return network


def labels(classes):
    return torch.arange(5) % classes if classes else None


@pytest.mark.parametrize(
    ("height", "width", "patch", "stages"),
    [(8, 8, 1, [(8, 8)]), (28, 28, 2, [(14, 14), (7, 7)]),
     (20, 33, 2, [(10, 17), (5, 9), (3, 5)])],
)  # fmt: skip
def test_stages_halve_until_they_are_small(height, width, patch, stages):
    assert stages_of(height, width, patch) == stages


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_fit_each_other(shape, classes):
    generator, critic, encoder = (
        made(kind, shape, classes) for kind in (ImageGenerator, ImageCritic, ImageEncoder)
    )
    images = generator(torch.randn(5, 6, generator=rng()), labels(classes))
    assert images.shape == (5, shape[2], *shape[:2])
    assert critic(images, labels(classes)).shape == (5, 1)
    means, log_stds = encoder(images)
    assert means.shape == log_stds.shape == (5, 6)
    assert log_stds.min() >= -6 and log_stds.max() <= 2
    if classes:
        assert encoder.label(encoder.features(images)).shape == (5, classes)
    else:
        assert encoder.label is None


@pytest.mark.parametrize("kind", [ImageGenerator, ImageCritic, ImageEncoder])
def test_the_same_generator_of_numbers_makes_the_same_weights(kind):
    torch.manual_seed(1)
    first = made(kind, SHAPES[1], 3)
    torch.manual_seed(2)
    second = made(kind, SHAPES[1], 3)
    for name, weight in first.state_dict().items():
        if "flow.time" not in name:
            assert torch.equal(weight, second.state_dict()[name]), name


def test_labels_change_images_and_scores():
    generator, critic = (made(kind, SHAPES[0], 3) for kind in (ImageGenerator, ImageCritic))
    latent = torch.randn(1, 6, generator=rng())
    first, second = (generator(latent, torch.tensor([label])) for label in (0, 1))
    assert not torch.allclose(first, second)
    scores = [critic(first, torch.tensor([label])) for label in (0, 1)]
    assert not torch.allclose(*scores)


def test_the_decoder_depends_on_the_direction_of_a_latent_alone():
    generator = made(ImageGenerator, SHAPES[0], 0)
    latent = torch.randn(2, 6, generator=rng())
    assert torch.allclose(generator.decode(latent), generator.decode(3 * latent), atol=1e-5)


def test_padding_repeats_the_border():
    """33 columns are 17 patches of two: an image padded by hand has the same features."""
    critic = made(ImageCritic, SHAPES[1], 0)
    images = torch.randn(2, 3, 20, 33, generator=rng())
    padded = torch.cat([images, images[..., -1:]], 3)
    by_itself = critic.features(images)
    critic._padding = (0, 0)
    assert torch.equal(critic.features(padded), by_itself)


def test_a_backbone_is_taken_over_but_not_the_head():
    critic, encoder = made(ImageCritic, SHAPES[1], 3), ImageEncoder(SHAPES[1], 3, SIZES[20])
    encoder.initialize(rng(9))
    images = torch.randn(2, 3, 20, 33, generator=rng())
    head = critic.head.weight.clone()
    assert not torch.allclose(critic.features(images), encoder.features(images))
    critic.load_backbone(encoder)
    features = critic.features(images)
    assert torch.equal(features, encoder.features(images))
    assert torch.equal(critic.label(features), encoder.label(features))
    assert torch.equal(critic.head.weight, head)


def test_channels_last_is_a_layout_not_other_values():
    generator = made(ImageGenerator, SHAPES[1], 0)
    latent = torch.randn(2, 6, generator=rng())
    before = generator(latent)
    assert channels_last(generator, torch.device("cpu")) is generator
    assert generator.to_rgb.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(generator(latent), before, atol=1e-5)
