"""GANs over Arrow tables. Imports no h2o: it trains and samples on a machine without Java."""

from h2o_gan.engine.artifact import ModelFileError, load, save
from h2o_gan.engine.events import Event, Progress, Scored
from h2o_gan.engine.model import Model
from h2o_gan.engine.training import TrainingDiverged, fit, resolve_device

__all__ = [
    "Event",
    "Model",
    "ModelFileError",
    "Progress",
    "Scored",
    "TrainingDiverged",
    "fit",
    "load",
    "resolve_device",
    "save",
]
