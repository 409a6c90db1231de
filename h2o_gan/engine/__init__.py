"""GANs over Arrow tables. Imports no h2o: it trains and samples on a machine without Java.

How a table is learned
======================

**Encoding.** A column becomes one or two tokens (:mod:`~h2o_gan.engine.data.tokens`). Levels,
and numbers with few distinct values, are one choice. Other numbers and times are a choice between
missing, single frequent values and the rest. The rest becomes the normal score of the value's
rank, so scale, tails and skewness do not matter. Decoding interpolates the column's quantiles and
keeps its resolution. Thousands of levels are a choice of a block of levels and a choice within it.
Columns that follow exactly from another one are stored as tables
(:mod:`~h2o_gan.engine.tabular.dependencies`), and identifiers of rows are generated anew
(:mod:`~h2o_gan.engine.data.identifiers`). Values of fewer than five rows never reach a network.

**Generator.** A row is generated token by token (:mod:`~h2o_gan.engine.tabular.generator`). The
known tokens are embedded, projected and summed. From that sum, a small network for each token
predicts a choice, or a mixture of normals for a number. The sum may be over any set of tokens, so
the generator can condition on any columns: conditions, balancing and imputation use that. It is
trained by maximum likelihood, in the table's order of columns and every eighth step in a random
one. Combinations of choices that say more than their sum, such as year, month and day, add a vector
of their own (:mod:`~h2o_gan.engine.tabular.crosses`). Numbers that stay close to an earlier one,
such as the months of a bill, are predicted as a change of it
(:mod:`~h2o_gan.engine.tabular.anchors`). Whenever held-out rows become less likely, training goes
back to the best weights and on with more dropout. Columns are predicted from any others in the same
way, by its networks, by the density of whole rows or by weighted draws
(:mod:`~h2o_gan.engine.tabular.prediction`).

**Critic.** A network of whole rows is then trained to separate real rows from generated ones, by
the relativistic pairing loss with R1 and R2 penalties (R3GAN, Huang et al. 2024, arXiv 2501.05441).
At its optimum it is a log density ratio. So rows of the generator are accepted in proportion to it
(discriminator rejection sampling, Azadi et al. 2019, arXiv 1810.06758), which corrects the
generator at the cost of a few rejected rows. The critic is used only if it improves on chance on
rows that neither network was trained on.

**Why this way.** A one-pass generator has to find, through the critic alone, which values go
together; a likelihood trains that directly. TabularARGN (Tiwald et al. 2025, arXiv 2501.12012)
showed the quality of any-order likelihood over bins. Densities over ranks keep what bins lose, and
a shared linear summary needs less than half of the steps that a first layer for each token needs.
The critic adds what shows only in whole rows.

**Conditions.** Rows are generated with the columns of the conditions first. They are weighted by
their likelihood in the table's order, times the critic's ratio, over the likelihood that they were
generated with. So they follow the distribution that filtering a large sample would give
(:mod:`~h2o_gan.engine.tabular.sampling`).

**Density of a row.** The generator's log likelihood of ranks and choices, turned into that of
values by marginal densities with tails (:mod:`~h2o_gan.engine.data.densities`), plus the critic's
log ratio: a residual energy-based model (Deng et al. 2020, arXiv 2004.11714).

**Anomalies.** The score of a row is the sum of its columns' surprise, by themselves and given the
others (:mod:`~h2o_gan.engine.tabular.density`).

How images are learned
======================

**Encoding.** Pixels on one scale, or image files, stay uint8 until a step needs them
(:mod:`~h2o_gan.engine.data.pixel_encoder`, :mod:`~h2o_gan.engine.data.image_files`).

**Networks.** A convolutional generator and a critic that mirrors it, of residual blocks without
normalisation, both conditioned on the label (:mod:`~h2o_gan.engine.image.networks`).

**Pre-training.** For about a fifth of the training the generator is the decoder of an autoencoder
(:mod:`~h2o_gan.engine.image.pretraining`). Then a flow is fitted to the latents of each class
(:mod:`~h2o_gan.engine.image.flow`) and becomes the first part of the generator. The critic begins
with the encoder's backbone.

**Adversarial training.** As in R3GAN: the relativistic pairing loss with R1 and R2 penalties
(:mod:`~h2o_gan.engine.image.trainer`). The critic also classifies real images. A reconstruction
loss keeps the decoder, and a flow-matching loss the flow, close to the training images. If the
critic begins to overfit, real and generated images are augmented
(:mod:`~h2o_gan.engine.image.augmentation`).

**Why this way.** Without pre-training a GAN finds the modes of its data one after the other, which
takes hours on two cores. After pre-training every mode is covered; latents outside the encoder's
distribution decode to blurred images. Adversarial training moves the flow away from these and
sharpens the rest: the same quality in a fraction of the steps, and more variety.

**Score of an image.** The log likelihood of its reconstruction, the log probability of its label
and the critic's score (:func:`~h2o_gan.engine.image.model.realism_scores`).

**Sampling.** An image is drawn again if the encoder does not recognise its label
(:mod:`~h2o_gan.engine.image.model`). Whether samples copy training images is measured in
:mod:`~h2o_gan.engine.nearest`.

Models with an architecture given as dicts, or with another loss, are GANs of multilayer
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
