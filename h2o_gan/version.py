"""The package's version, and that of the protocol between clients and the cluster extension."""

__version__ = "0.1.0"

PROTOCOL = 1
"""Raised where a client and an extension of different numbers would no longer understand each other."""
