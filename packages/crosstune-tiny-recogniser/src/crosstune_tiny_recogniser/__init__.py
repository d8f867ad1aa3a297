"""Holds the folder ``model``, as transformers reads it; there is no code to run."""
