"""From facts and evidence to decisions. Pure: no file, clock, device or random state."""
