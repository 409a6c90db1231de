"""Measures over rows in memory: they know neither a cluster nor a model."""
