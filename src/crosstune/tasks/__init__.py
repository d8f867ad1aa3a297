"""Tasks: target encoding, losses, metrics, and what a prediction is. One file each."""
