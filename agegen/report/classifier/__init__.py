"""The page of a classifier's training and analysis, a question each."""
