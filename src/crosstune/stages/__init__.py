"""The stages of a run, in the order in which ``pipeline.py`` calls them."""
