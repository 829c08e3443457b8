"""Faces that the package draws, each with its true older or younger self."""
