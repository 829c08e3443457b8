"""The page of an evaluation, a chapter each."""
