"""From head outputs to figures with intervals, calibration, and the worst mistakes."""
