"""Realistic gaps, for tests and for looking: ``python -m tests.support.sample_gap OUT``."""

import sys
from pathlib import Path

from crosstune.core.gap import Gap, GapDistance, GapLevel, GapProperty, GapSet, GapWitness
from crosstune.core.metric import Metric
from tests.support.sample_summary import picture


def property_of(name: str, more: Metric, medians: tuple[float, float]) -> GapProperty:
    """Give a property, which differs where its interval leaves out one half."""
    differs = more.high < 0.5 or more.low > 0.5
    return GapProperty(name=name, more=more, medians=medians, differs=differs)


def picture_gap() -> Gap:
    """Give a large gap: blurred pictures."""
    return Gap(
        first=GapSet(name="photos", rows=60_000, sampled=2_000),
        second=GapSet(name="phone", rows=812, sampled=809, set_aside=3),
        modality="image",
        model="package:efficientnet-lite0 @96",
        features="tail",
        level=GapLevel.LARGE,
        grouped=True,
        distance=Metric(1.84, 1.79, 1.88),
        auc=Metric(0.987, 0.981, 0.992),
        mmd=GapDistance(value=0.0521),
        mmd_p=0.005,
        coral=GapDistance(value=1.39, between=2.33, within=0.943),
        frechet=GapDistance(value=437.0, between=663.0, within=226.0),
        otdd=GapDistance(value=600.2, between=1105.0, within=505.0),
        properties=(
            property_of("sharpness", Metric(0.02, 0.01, 0.03), (0.41, 0.043)),
            property_of("size", Metric(0.81, 0.78, 0.84), (480.0, 1024.0)),
            property_of("brightness", Metric(0.52, 0.48, 0.56), (0.44, 0.46)),
        ),
        witnesses=tuple(
            GapWitness(
                second=place > 3, origin=f"IMG_{place:04}.jpg", margin=2 - place / 10, picture=picture(place)
            )
            for place in range(8)
        ),
        notes=("2,000 rows of photos were looked at, drawn from 60,000",),
        seconds=73.0,
        versions=(("crosstune", "0.1.0"), ("torch", "2.10.0")),
    )  # fmt: skip


def text_gap() -> Gap:
    """Give texts that cannot be told apart."""
    return Gap(
        first=GapSet(name="train.csv", rows=900, sampled=900),
        second=GapSet(name="test.csv", rows=300, sampled=300),
        modality="text",
        model="package:minilm",
        features="tail",
        level=GapLevel.NONE,
        grouped=False,
        distance=Metric(0.04, 0.0, 0.21),
        auc=Metric(0.508, 0.466, 0.547),
        mmd=GapDistance(value=-0.00012),
        mmd_p=0.63,
        properties=(property_of("characters", Metric(0.49, 0.45, 0.53), (81.0, 79.5)),),
    )


if __name__ == "__main__":
    from crosstune.reports.gap_page import write_gap

    for place, one in enumerate((picture_gap(), text_gap())):
        write_gap(one, Path(sys.argv[1]) / str(place))
