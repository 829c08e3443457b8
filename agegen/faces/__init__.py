"""Faces: from photos on disk to batches of views on the training device."""
