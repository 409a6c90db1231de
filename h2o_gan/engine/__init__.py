"""GANs over Arrow tables. Imports no h2o: it trains and samples on a machine without Java.

How a table is learned
======================

**Encoding.** A column becomes one or two tokens (:mod:`~h2o_gan.engine.data.tokens`). Levels,
and numbers with few distinct values, are a choice. Other numbers and times are a choice between
missing, spikes and the rest, and for the rest the normal score of the value's rank, so that no
scale, tail or skewness matters; decoding interpolates the column's own quantiles, in its own
resolution. Thousands of levels are a block of levels and a place in the block. Columns that
follow exactly from another are kept as tables of what follows from what
(:mod:`~h2o_gan.engine.tabular.dependencies`); names of rows are made anew
(:mod:`~h2o_gan.engine.data.identifiers`). Values of fewer than five rows never reach a network as
themselves.

**Generator.** It writes a row token by token (:mod:`~h2o_gan.engine.tabular.generator`). Tokens
known so far are embedded, projected and summed; from that sum, a small network of each token's
own draws a choice, or a number from a mixture of normals. A sum can be taken over any set of
tokens, so any columns can be given: that is how conditions, balancing and imputation come about.
It is trained by maximum likelihood, in the table's order of columns and every fourth step in a
random one.

**Critic.** A network of whole rows then learns to tell real rows from generated ones: the
relativistic pairing loss with R1 and R2 penalties (R3GAN, Huang et al. 2024, arXiv 2501.05441).
At its optimum it is a log density ratio, so rows are drawn from the generator and kept in
proportion to it (discriminator rejection sampling, Azadi et al. 2019, arXiv 1810.06758): the
samples follow the critic's correction of the generator, at the cost of a few refused rows. The
critic stays only where rows that neither network learned from show that it can tell.

**Why this way.** A one-pass generator has to find, through the critic alone, what a likelihood
says outright: which values go together. TabularARGN (Tiwald et al. 2025, arXiv 2501.12012)
showed how far any-order likelihood goes over bins; heads that are densities over ranks keep what
bins lose, and a shared linear summary learns in less than half of the steps that a separate
first layer for each token takes. What likelihood leaves is what whole rows show, and that is the
critic's part.

**Conditions.** Rows are drawn with the conditions' columns first and weighted by their
likelihood in the table's own order, times the critic's ratio, over the likelihood they were
drawn with: they follow what filtering a large sample would give
(:mod:`~h2o_gan.engine.tabular.sampling`).

**How usual a row is.** The generator's log density plus the critic's log ratio: a residual
energy-based model (Deng et al. 2020, arXiv 2004.11714).

How images are learned
======================

**Encoding.** Pixels on one scale, or files of images, stay uint8 until a step needs them
(:mod:`~h2o_gan.engine.data.pixel_encoder`, :mod:`~h2o_gan.engine.data.image_files`).

**Networks.** A convolutional generator and a critic that mirrors it, residual blocks without
normalisation, both told the label (:mod:`~h2o_gan.engine.image.networks`).

**Start.** For a good fifth of the training the generator is the decoder of an autoencoder
(:mod:`~h2o_gan.engine.image.pretraining`); then a flow learns where the codes of each class lie
(:mod:`~h2o_gan.engine.image.flow`) and becomes the generator's first layers. The critic begins
with what the encoder has learned to see.

**Game.** R3GAN's: the relativistic pairing loss with R1 and R2 penalties
(:mod:`~h2o_gan.engine.image.trainer`). The critic also guesses the labels of real images, the
generator also goes on drawing training images by their codes, and its flow on finding these. Where
the critic begins to know its images by heart, real and generated ones are changed a little before
it sees them
(:mod:`~h2o_gan.engine.image.augmentation`).

**Why this way.** From nothing, this game finds the modes of its data one after the other; on two
cores it takes hours. After the start all of them are there, as blots where codes never lay, and
the game moves the flow away from these and makes the rest sharp: the same quality in a fraction
of the steps, and more of the variety.

**How usual an image is.** How well the generator redraws it by its code, how probable its label
is, and the critic's score (:func:`~h2o_gan.engine.image.model.realism_scores`).

**Sampling.** An image that shows the encoder another label than asked for is drawn again
(:mod:`~h2o_gan.engine.image.model`). Whether samples copy training images is a question with an
answer: :mod:`~h2o_gan.engine.nearest`.

Models with an architecture given as dicts, or with another loss, are one-pass GANs of multilayer
perceptrons instead (:mod:`~h2o_gan.engine.mlp.trainer`).
"""

from h2o_gan.engine.api import TrainingDiverged, fit
from h2o_gan.engine.device import resolve_device
from h2o_gan.engine.events import Cadence, Event, Message, Progress, Scored
from h2o_gan.engine.exceptions import ModelFileError, TrainingStopped
from h2o_gan.engine.model import Model
from h2o_gan.engine.storage.model_file import dump, load, save

__all__ = [
    "Cadence",
    "Event",
    "Message",
    "Model",
    "ModelFileError",
    "Progress",
    "Scored",
    "TrainingDiverged",
    "TrainingStopped",
    "dump",
    "fit",
    "load",
    "resolve_device",
    "save",
]
