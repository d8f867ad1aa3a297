"""The one map between class names and class indices of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crosstune.core.errors import UserError, nearest, shown


class UnknownClass(UserError):
    """A label lies outside the label map."""

    code = "unknown-class"

    def __init__(self, unseen: Iterable[str], *, names: Sequence[str]) -> None:
        """List what was seen, what is allowed, and the nearest names."""
        ordered = sorted(unseen)
        pairs = [(name, nearest(name, names)) for name in ordered]
        near = [f"`{name}` is near `{other}`" for name, other in pairs if other]
        super().__init__(
            "the data holds a class that the training split and the declared names do not",
            found=shown(ordered),
            expected=shown(names, most=40),
            fix=shown(near) if near else "add the class to the training split, or correct the label",
        )


def class_name(value: object) -> str:
    """Write a target value as a class name: 3, 3.0 and "3" are one class."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class LabelMap:
    """Class names in index order. Made once, from the training split and any declared names."""

    names: tuple[str, ...]

    @classmethod
    def from_values(cls, values: Iterable[object], declared: Sequence[str] = ()) -> "LabelMap":
        """Make the map: declared names first in their order, the others sorted.

        Names that are all numbers sort by value, so "10" comes after "9".
        """
        found = {class_name(value) for value in values} - set(declared)
        numeric = all(_is_number(name) for name in found)
        rest = sorted(found, key=lambda name: (float(name), name)) if numeric else sorted(found)
        return cls((*declared, *rest))

    @cached_property
    def index(self) -> dict[str, int]:
        """Map class name to class index."""
        return {name: i for i, name in enumerate(self.names)}

    def encode(self, values: Iterable[object]) -> list[int]:
        """Map values to indices; raises ``UnknownClass`` once, with every unknown name."""
        names = [class_name(value) for value in values]
        if unseen := set(names) - self.index.keys():
            raise UnknownClass(unseen, names=self.names)
        return [self.index[name] for name in names]

    def for_config(self) -> dict[str, Any]:
        """Give ``id2label`` and ``label2id`` as a transformers config takes them."""
        return {"id2label": dict(enumerate(self.names)), "label2id": dict(self.index)}

    def __len__(self) -> int:
        """Count the classes."""
        return len(self.names)
