"""What the examples of a run can be: one file each, and one line in the registry."""
