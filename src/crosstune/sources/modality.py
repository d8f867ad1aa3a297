"""What a task reads, by its name."""

ELSE = {"object-detection": "image"}
"""Tasks whose names do not begin with what they read."""


def modality_of(task: str) -> str:
    """Return what a task reads: the first word of its name, where that is no other."""
    return ELSE.get(task, task.partition("-")[0])
