"""The page of a blind test."""
