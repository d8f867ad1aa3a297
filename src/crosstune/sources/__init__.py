"""Where pretrained models come from: one file for each source; each gives a ``Backbone``."""
