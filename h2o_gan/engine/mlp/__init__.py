"""The family of one-pass GANs: multilayer perceptrons, for given architectures."""
