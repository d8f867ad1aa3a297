"""Rows of conversations: recognised by their keys, brought to one form, judged row by row."""
