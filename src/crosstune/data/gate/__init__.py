"""The parts of the check: what can be wrong with images, texts, targets, and between splits."""
