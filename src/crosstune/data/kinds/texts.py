"""Texts, and pairs of texts."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset
from numpy.typing import NDArray

from crosstune.core.progress import Reporter
from crosstune.data.cells import Made, text_column, texts_of_files
from crosstune.data.content import digest_texts
from crosstune.data.gate.alike_texts import text_twins
from crosstune.data.gate.finding import Finding
from crosstune.data.gate.inputs import Fetch, Found, Inputs, Origins
from crosstune.data.gate.scripts import script_findings
from crosstune.data.gate.texts import look_at_texts
from crosstune.data.layout import TEXT_SUFFIXES
from crosstune.data.store import column


class Texts:
    """Texts as they stand in the table. Measures of a row: characters, words, number of its script."""

    name = "text"
    plural = "texts"
    column = "text"
    suffixes = TEXT_SUFFIXES
    in_files = False
    columns: tuple[str, ...] = (
        "text", "texts", "sentence", "review", "content", "document", "tweet", "comment", "message", "body",
    )  # fmt: skip

    def claims(self, kind: pa.DataType, sample: Sequence[Any]) -> bool:  # noqa: ARG002
        """Texts, and bytes that no other kind has claimed."""
        types = pa.types
        return any(
            test(kind)
            for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
        )

    def cells(self, dataset: Dataset, name: str, folder: Path | None, taken: Collection[str]) -> Made:  # noqa: ARG002
        """Make valid text."""
        return text_column(column(dataset, name), folder)

    def from_files(self, paths: Sequence[str]) -> Made:
        """Read the files."""
        return texts_of_files(paths)

    def decoded(self, rows: Sequence[Any]) -> list[Any]:
        """Return the texts as they are."""
        return list(rows)

    def digest(self, row: Any) -> str:  # noqa: ANN401
        """Hash a text, or a pair of texts."""
        return digest_texts(row if isinstance(row, tuple) else (row,))

    def look(
        self, dataset: Dataset, names: Sequence[str], reporter: Reporter, *, done: int, prints: bool
    ) -> Inputs:
        """Read every text, or pair."""
        return look_at_texts(dataset, names, reporter, done=done, prints=prints)

    def facts(self, table: NDArray[np.uint32]) -> dict[str, float]:
        """Summarise characters and words."""
        facts = {}
        for place, name in enumerate(("chars", "words")):
            for quantile, label in ((0.5, "median"), (0.9, "q90"), (0.99, "q99"), (1.0, "max")):
                facts[f"text_{name}_{label}"] = float(np.quantile(table[:, place].astype(float), quantile))
        return facts

    def properties(self, table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Give the length."""
        return {"the length of the text": table[:, :2]}

    def findings(
        self,
        looks: Sequence[Inputs],  # noqa: ARG002
        usable: NDArray[np.bool_],  # noqa: ARG002
        origins: Origins,  # noqa: ARG002
    ) -> list[Finding]:
        """Nothing: what is wrong with a text by itself makes it unusable."""
        return []

    def odd(self, looks: Sequence[Inputs], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
        """Name texts of another script."""
        scripts = np.concatenate([look.table()[:, 2] for look in looks]) * usable
        return script_findings(scripts, origins)

    def twins(self, inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:
        """Compare normalised texts and their pieces."""
        return text_twins(inputs, rows, fetch)
