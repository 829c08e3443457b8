"""Understanding a trained classifier: the chapters of its analysis, each a file."""
