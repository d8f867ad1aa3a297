"""Tiny models and data that the tests of every room share; nothing here needs a network."""
