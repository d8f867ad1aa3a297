"""Boxes around objects in pictures: one form for all the ways in which people write them."""
