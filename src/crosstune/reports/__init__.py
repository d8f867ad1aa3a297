"""What a person reads: the page, the model card, the live line. Values in, text out; no model."""
