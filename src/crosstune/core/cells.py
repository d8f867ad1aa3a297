"""Cells of CSV files that no spreadsheet runs."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet runs text that begins with one of these (OWASP, CSV injection); some take the wide
forms of East Asian keyboards for the same."""


def safe_cell(value: object) -> object:
    """Give the cell to write: text that looks like a formula gets an apostrophe; numbers stay."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
