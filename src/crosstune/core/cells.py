"""Cells of CSV files that no spreadsheet runs."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs text that begins with one of these (OWASP, CSV injection)."""


def safe_cell(value: object) -> object:
    """Give the cell to write: text that looks like a formula gets an apostrophe; numbers stay."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
