"""The classifier: tells young faces (class 0) from old ones (class 1)."""
