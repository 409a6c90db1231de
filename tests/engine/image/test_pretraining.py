"""Pre-training: the autoencoder, then the flow, then the critic's backbone."""

import math

import pytest
import torch

from h2o_gan.engine.image.networks import (
    MIN_ERROR,
    ImageCritic,
    ImageEncoder,
    ImageGenerator,
    ImageSizes,
)
from h2o_gan.engine.image.pretraining import VaePretraining, reconstruction_nll

SHAPE, SIZES, CLASSES = (8, 8, 1), ImageSizes((8,), 1, 4, 2), 2
PLAIN = torch.autocast("cpu", torch.bfloat16, enabled=False)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    """32 images: a bright left or right half."""
    classes = torch.arange(32) % 2
    images = -torch.ones(32, 1, 8, 8)
    images[classes == 0, :, :, :4] = 1
    images[classes == 1, :, :, 4:] = 1
    return images, classes


@pytest.fixture
def networks():
    torch.manual_seed(0)
    made = [kind(SHAPE, CLASSES, SIZES) for kind in (ImageGenerator, ImageEncoder, ImageCritic)]
    for network in made:
        network.initialize(rng())
    return made


def pretraining(networks, images):
    return VaePretraining(*networks[:2], lambda: [images], lambda: [(images[0][:8], images[1][:8])])


def test_the_autoencoder_reconstructs_and_classifies(networks, images):
    generator, encoder, _ = networks
    run = pretraining(networks, images)
    losses = []
    for step in range(120):
        run.schedule(0.7 * step / 120)
        losses.append(run.step(*images, rng(step), PLAIN).item())
    assert losses[-1] < losses[0] - 0.5
    with torch.no_grad():
        features = encoder.features(images[0])
        decoded = generator.decode(encoder.posterior(features)[0], images[1])
        assert (decoded - images[0]).square().mean() < 0.25  # of images whose variance is 1
        assert (encoder.label(features).argmax(1) == images[1]).all()


def test_steps_of_the_autoencoder_leave_the_flow_alone_and_the_others_the_decoder(networks, images):
    generator = networks[0]
    run = pretraining(networks, images)
    flow, decoder = generator.flow.first.weight, generator.to_rgb.weight
    before = flow.clone(), decoder.clone()
    for share, changed in ((0.1, (False, True)), (0.8, (True, False))):
        for step in range(2):
            run.schedule(share)
            run.step(*images, rng(step), PLAIN)
        after = flow.clone(), decoder.clone()
        found = tuple(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
        assert found == changed
        before = after


def test_the_critic_gets_the_encoders_backbone(networks, images):
    _, encoder, critic = networks
    run = pretraining(networks, images)
    run.schedule(0.0)
    run.step(*images, rng(), PLAIN)
    assert not torch.equal(critic.features(images[0]), encoder.features(images[0]))
    run.finish(critic, rng(), PLAIN)
    assert torch.equal(critic.features(images[0]), encoder.features(images[0]))


def test_without_held_out_images_the_fit_ends_with_its_last_weights(networks, images):
    run = VaePretraining(*networks[:2], lambda: [images], list)
    run.schedule(0.9)
    assert run.step(*images, rng(), PLAIN).item() > 0
    run.finish(networks[2], rng(), PLAIN)
    assert torch.isfinite(networks[0](torch.randn(2, 4), torch.tensor([0, 1]))).all()


def test_the_negative_log_likelihood_is_that_of_the_batchs_variance():
    images = torch.zeros(2, 1, 4, 4)
    decoded = images + 0.5
    found = reconstruction_nll(decoded, images).item()
    assert found == pytest.approx(0.5 * math.log(0.25 + MIN_ERROR))
    assert math.isfinite(reconstruction_nll(images, images).item())
