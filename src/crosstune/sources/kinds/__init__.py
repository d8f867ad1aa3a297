"""What transformers models of each modality need: one file a modality, one line in ``registry.py``."""
