"""What a run's measurements become in its summary."""

from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.stages.summarise import shipped_depth


def row(name: str, value: float, **detail: object) -> Measurement:
    metric = Metric(value, value, value)
    return Measurement(name=name, candidate="m", figure="accuracy", metric=metric, examples=9, seed=0,
                       seconds=0.1, detail=detail or None)  # fmt: skip


FIRST = [row("closed-form/ridge@stem", 0.1, block=0), row("closed-form/ridge@tail", 0.2, block=1)]
TRIED = [row("trials of model 2/closed-form/ridge@stem", 0.3, block=0)]
OTHERS = [row("rank/m @96/depth@stem", 0.4, block=0), row("closed-form/ridge@all", 0.5, penalty=1.0)]


def test_the_depth_curve_is_of_one_model() -> None:
    assert shipped_depth([*OTHERS, *FIRST, *TRIED], second=True) == (
        ("stem", Metric(0.1, 0.1, 0.1)), ("tail", Metric(0.2, 0.2, 0.2)),
    )  # fmt: skip
    assert shipped_depth(OTHERS, second=True) == ()


def test_it_is_of_the_model_that_the_trials_preferred() -> None:
    second = row("second model/closed-form/ridge@block 1", 0.6, block=0)
    rows = [*FIRST, *TRIED, second]
    assert shipped_depth(rows, second=True) == (("block 1", Metric(0.6, 0.6, 0.6)),)
    assert shipped_depth(rows, second=False)[0] == ("stem", Metric(0.1, 0.1, 0.1))
