"""The study of hyperparameters."""
