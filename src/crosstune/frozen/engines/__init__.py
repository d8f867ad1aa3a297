"""Ways of running a frozen body fast: one file each, chosen in ``registry.py``."""
