"""What models are compared on: training rows, or labelled places of training pictures. Shapes: R rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from crosstune.core.ranking import TRAINING_ROWS
from crosstune.core.run_dir import cache_dir
from crosstune.core.seeding import generator
from crosstune.data.items import SplitItems
from crosstune.data.store import values
from crosstune.frozen.features import Features
from crosstune.frozen.passes import frozen_pass
from crosstune.frozen.place_features import place_features
from crosstune.sources.base import Backbone
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import drawn_rows
from crosstune.stages.run import Run
from crosstune.tasks.base import Task
from crosstune.tasks.place_label import place_task
from crosstune.tasks.place_rows import PlaceRows
from crosstune.tasks.structured import NO_HEAD, WithPlaces

ROWS_EACH = 10
"""ASSUMED: rows for each picture at least. What takes long is to pass pictures: 200 for 2,000 rows at most,
however few objects they show, so that a tenth of a usual budget has room for several models."""


class RankSample(Protocol):
    """R rows with targets, and a way to their features."""

    @property
    def task(self) -> Task:
        """Give the task whose closed-form heads are judged, by its first metric."""
        ...

    @property
    def items(self) -> SplitItems:
        """Give the examples that a model is passed over."""
        ...

    @property
    def encoded(self) -> NDArray[Any]:
        """Give the targets of the rows, first axis R."""
        ...

    @property
    def groups(self) -> Sequence[object] | None:
        """Name the group of each row; rows of one group are left out together."""
        ...

    @property
    def units(self) -> int:
        """Count the examples that have rows: with one there is nothing to leave out."""
        ...

    @property
    def rows_are(self) -> str:
        """Say what the rows are."""
        ...

    @property
    def singles(self) -> bool:
        """Say whether what single blocks say of the rows competes too."""
        ...

    def features(self, run: Run, backbone: Backbone) -> Features:
        """Compute features of the rows."""
        ...


def is_comparable(task: Task) -> bool:
    """Say whether models can be compared for a task: by heads on examples, or on places of pictures."""
    return task.linear_kind() != NO_HEAD or isinstance(task, WithPlaces)


def draw_sample(run: Run, prepared: Prepared) -> RankSample:
    """Draw about ``rank_rows`` rows, of places of at most a tenth as many pictures.

    The task must be comparable.
    """
    count, seed, task = run.settings.rank_rows, run.settings.seed, prepared.task
    if not isinstance(task, WithPlaces):
        items, encoded = drawn_rows(prepared, count, seed)
        return ExampleSample(task, items["train"], encoded["train"], _groups(run, items["train"]))
    every = prepared.items["train"]
    order = generator(seed, "rank pictures").permutation(len(every))[: -(-count // ROWS_EACH)]
    places = task.labelled_places(prepared.encoded["train"][order], rows=count, seed=seed)
    taken = every.subset(order[: int(places.pictures.max(initial=0)) + 1].tolist())
    return PlaceSample(place_task(places.classes), taken, places, _groups(run, taken))


@dataclass(frozen=True)
class ExampleSample:
    """Training rows, one target each."""

    task: Task
    items: SplitItems
    encoded: NDArray[Any]
    groups: Sequence[object] | None
    rows_are: str = TRAINING_ROWS
    singles: bool = False

    @property
    def units(self) -> int:
        """Count the rows."""
        return len(self.items)

    def features(self, run: Run, backbone: Backbone) -> Features:
        """Make the frozen pass, or find it in the cache."""
        return frozen_pass(
            backbone, self.items, engine=run.settings.engine, cache=cache_dir() / "features",
            reporter=run.reporter,
        )  # fmt: skip


@dataclass(frozen=True)
class PlaceSample:
    """Pixels or boxes of training pictures. A picture (or its group) answers for none of its own places."""

    task: Task
    items: SplitItems
    places: PlaceRows
    of_pictures: Sequence[object] | None
    """The user's group of each picture."""
    singles: bool = True
    """Decoders read each map by itself, and there are at most four."""

    @property
    def encoded(self) -> NDArray[Any]:
        """Give the class numbers."""
        return self.places.encoded

    @property
    def groups(self) -> Sequence[object]:
        """Name the picture of each row, or that picture's group."""
        numbers: list[int] = self.places.pictures.tolist()
        return numbers if self.of_pictures is None else [self.of_pictures[one] for one in numbers]

    @property
    def units(self) -> int:
        """Count the pictures that have rows."""
        return len(set(self.places.pictures.tolist()))

    @property
    def rows_are(self) -> str:
        """Say what the rows are, and of how many pictures."""
        return f"{self.places.words} of {len(self.items):,} training pictures"

    def features(self, run: Run, backbone: Backbone) -> Features:
        """Read the maps of the model at the places."""
        return place_features(
            backbone, self.items, self.places.boxes, self.places.pictures, reporter=run.reporter
        )


def _groups(run: Run, items: SplitItems) -> list[Any] | None:
    name = run.options.group
    return values(items.dataset, name) if name and name in items.dataset.column_names else None
