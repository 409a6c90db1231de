"""The family of images: convolutional networks, pre-trained, then a game."""
