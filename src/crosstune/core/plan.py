"""Decisions and plans: every setting of a run, where its value came from, and why."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Basis(StrEnum):
    """Where a value came from, strongest first."""

    USER = "user"
    MEASURED = "measured"
    PRIOR = "prior"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Decision:
    """One setting of the run."""

    setting: str
    value: Any
    basis: Basis
    because: str
    evidence: tuple[str, ...] = ()
    """Names of the measurements (``evidence.json``) that the value rests on."""
    cost: float | None = None
    """Expected seconds that this choice costs, where an estimate exists."""
    replaced: Any = None
    """What the rule had chosen, where the user's value replaced it."""

    def by_user(self, value: Any) -> "Decision":  # noqa: ANN401
        """Give the decision with the user's value, keeping what it replaced."""
        if value == self.value:
            why = "set by the user, as the rule would have"
        else:
            why = f"set by the user; the rule chose {self.value}: {self.because}"
        return replace(self, value=value, basis=Basis.USER, because=why, replaced=self.value)


@dataclass(frozen=True)
class Plan:
    """All decisions of a run, in the order they were taken."""

    decisions: tuple[Decision, ...] = field(default=())

    def __getitem__(self, setting: str) -> Any:  # noqa: ANN401
        """Return the value of a setting; the last decision about it holds."""
        return self.decision(setting).value

    def __contains__(self, setting: object) -> bool:
        """Say whether the plan decides ``setting``."""
        return any(decision.setting == setting for decision in self.decisions)

    def value(self, setting: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return the value of a setting, or ``default`` where the plan does not decide it."""
        return self.decision(setting).value if setting in self else default

    def __iter__(self) -> Iterator[Decision]:
        """Iterate over the decisions."""
        return iter(self.decisions)

    def decision(self, setting: str) -> Decision:
        """Return the decision about ``setting``; raises ``KeyError`` where there is none."""
        for decision in reversed(self.decisions):
            if decision.setting == setting:
                return decision
        raise KeyError(setting)

    def extended(self, *decisions: Decision) -> "Plan":
        """Return a plan with further decisions; one about a known setting replaces it."""
        new = {decision.setting for decision in decisions}
        kept = tuple(old for old in self.decisions if old.setting not in new)
        return Plan(kept + decisions)

    def to_json(self) -> list[dict[str, Any]]:
        """Give the list that ``plan.json`` holds."""
        return [asdict(decision) for decision in self.decisions]

    @classmethod
    def from_json(cls, raw: list[dict[str, Any]]) -> "Plan":
        """Read what ``to_json`` gave."""
        rows = [{**row, "basis": Basis(row["basis"])} for row in raw]
        return cls(tuple(Decision(**{**row, "evidence": tuple(row["evidence"])}) for row in rows))
