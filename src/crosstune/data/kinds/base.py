"""What the data room must know of a modality, and what a modality must be able to do."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from datasets import Dataset
from numpy.typing import NDArray

from crosstune.core.progress import Reporter
from crosstune.data.cells import Made
from crosstune.data.gate.finding import Finding
from crosstune.data.gate.inputs import Fetch, Found, Inputs, Origins


class Kind(Protocol):
    """One modality: how its inputs are found, read, checked and compared.

    Shapes: N rows, m measures of a row.
    """

    name: str
    """What task names begin with: ``image``."""
    plural: str
    """For people: ``images``."""
    column: str
    """What the input column is called where the layout has no columns."""
    suffixes: frozenset[str]
    """Of files that hold one example each, with their dots."""
    in_files: bool
    """Whether an example is a file or its bytes; else it stands in the table itself."""
    columns: tuple[str, ...]
    """Names, in lower case, that make a column the input where the user names none."""

    def claims(self, kind: pa.DataType, sample: Sequence[Any]) -> bool:
        """Say whether a column is of this kind, by its type and by its first values that are not empty."""
        ...

    def cells(self, dataset: Dataset, name: str, folder: Path | None, taken: Collection[str]) -> Made:
        """Bring a column to the form in which examples are kept.

        Args:
            dataset: with the column ``name``.
            name: the input column.
            folder: where relative paths start; ``None`` is the working directory.
            taken: columns that serve another purpose.

        Raises ``UnusableColumn`` where it cannot be.
        """
        ...

    def from_files(self, paths: Sequence[str]) -> Made:
        """Make the column of files at absolute paths."""
        ...

    def decoded(self, rows: Sequence[Any]) -> list[Any]:
        """Decode examples; raises the kind's own problem for one that cannot be used."""
        ...

    def digest(self, row: Any) -> str:  # noqa: ANN401 - a cell, a text, or a tuple of texts
        """Hash the content of an example; equal to the one that ``look`` gives."""
        ...

    def look(
        self, dataset: Dataset, names: Sequence[str], reporter: Reporter, *, done: int, prints: bool
    ) -> Inputs:
        """Look at every example of a split; see ``gate/inputs.py`` for what is kept.

        Args:
            dataset: one split.
            names: the input columns.
            reporter: told about progress.
            done: rows of other splits that are finished, for the progress.
            prints: whether to keep what near copies are found by.
        """
        ...

    def facts(self, table: NDArray[np.uint32]) -> dict[str, float]:
        """Summarise the measures ``(N, m)`` of the good rows, for planning and for people."""
        ...

    def properties(self, table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Give, by name, ``(N, d)`` simple properties that should not give a label away."""
        ...

    def findings(self, looks: Sequence[Inputs], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
        """Say what is peculiar about examples, each by itself; ``usable`` is ``(N,)`` through all splits."""
        ...

    def odd(self, looks: Sequence[Inputs], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
        """Say which examples differ from the rest of what is trained on; arguments as ``findings``."""
        ...

    def twins(self, inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:
        """Find rows of equal and of nearly equal content among ``rows``, numbered through all splits."""
        ...
