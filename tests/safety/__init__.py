"""What must never happen, whatever is given: code run, files written elsewhere, an error without a name."""
