"""Weights that come with the package: a folder each, with a model card."""
