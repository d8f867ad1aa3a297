"""The saved model: written after a fit, reopened anywhere, asked for predictions."""
