"""What a notebook imports: the estimator, with its images and plots."""

from h2o_gan.estimator.gan import GANEstimator, H2OGANEstimator

__all__ = ["GANEstimator", "H2OGANEstimator"]
