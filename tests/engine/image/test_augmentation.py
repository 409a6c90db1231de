"""Augmentation of images, and how its probability adapts."""

import pytest
import torch

from h2o_gan.engine.image.augmentation import AdaptiveAugmentation, augment


def test_without_probability_nothing_changes():
    images = torch.randn(4, 3, 8, 8)
    assert augment(images, 0.0, torch.Generator()) is images


def test_shape_stays_and_gradients_pass():
    images = torch.rand(64, 1, 16, 16).requires_grad_()
    changed = augment(images, 0.9, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape and changed.dtype == images.dtype
    (grads,) = torch.autograd.grad(changed.sum(), images)
    assert torch.isfinite(grads).all() and grads.abs().sum() > 0
    again = augment(images, 0.9, torch.Generator().manual_seed(0))
    assert torch.equal(again, changed)


@pytest.mark.parametrize("probability", [0.05, 0.9])
def test_the_probability_is_that_of_each_change(probability):
    """Without any of the eight changes, an image stays as it is up to interpolation."""
    images = torch.rand(2000, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = augment(images, probability, torch.Generator().manual_seed(1))
    same = ((changed - images).abs().flatten(1).amax(1) < 1e-4).float().mean().item()
    assert same == pytest.approx((1 - probability) ** 8, abs=0.05)
    # Of the changes only a cut makes pixels black.
    black = (changed == 0).flatten(1).any(1).float().mean().item()
    assert black == pytest.approx(probability, abs=0.05)


def test_images_are_changed_differently():
    images = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)).expand(
        8, -1, -1, -1
    )
    changed = augment(images, 0.9, torch.Generator().manual_seed(0))
    assert len({tuple(image.flatten().tolist()) for image in changed}) == 8


def test_the_probability_follows_overfitting():
    augmentation = AdaptiveAugmentation()
    for _ in range(20):
        augmentation.update(trained=1.0, held_out=-0.8, generated=-1.0, images=2000)
    assert augmentation.value == 0.9
    for _ in range(20):
        augmentation.update(trained=1.0, held_out=0.95, generated=-1.0, images=2000)
    assert augmentation.value == 0


def test_the_probability_moves_by_the_number_of_images():
    augmentation = AdaptiveAugmentation(0.5)
    augmentation.update(trained=1.0, held_out=-0.8, generated=-1.0, images=1000)
    assert augmentation.value == pytest.approx(0.55)
    augmentation.update(trained=-1.0, held_out=-0.8, generated=1.0, images=1000)
    assert augmentation.value == pytest.approx(0.5)  # a critic that prefers generated images
