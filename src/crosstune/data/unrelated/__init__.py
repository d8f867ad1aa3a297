"""Small labelled sets that have nothing to do with the task of a run: on them is tried what a body forgot."""
