"""Figures and pages, made from the saved files of a run only."""
