"""The page of classified photos."""
