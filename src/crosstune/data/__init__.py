"""Data: readers, task inference, the check gate, splits, and items that decode on demand."""
