"""The package's version, and the protocol that it speaks with the cluster's extension."""

__version__ = "0.1.0"

PROTOCOL = 1
"""Raised when this package and the extension of an earlier one would not understand each other."""
