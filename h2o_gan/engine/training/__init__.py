"""Shared by the families of models: the loop, objectives, optimization and scores."""
