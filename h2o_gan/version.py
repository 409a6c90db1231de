"""The package's version, which the cluster's extension must have too."""

__version__ = "0.1.0"
