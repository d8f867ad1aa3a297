"""The gap between two sets, in words, and what the pages show of it."""

import math
from dataclasses import dataclass
from typing import Any

from crosstune.core.gap import Gap, GapDistance, GapLevel, GapProperty
from crosstune.core.metric import Metric
from crosstune.reports.figures import figure, interval
from crosstune.reports.strips import Forest, forest


@dataclass(frozen=True)
class _Property:
    title: str
    more: str
    less: str
    unit: str = ""
    percent: bool = False


_PROPERTIES = {
    "brightness": _Property("brightness", "brighter", "darker", percent=True),
    "contrast": _Property("contrast", "richer in contrast", "poorer in contrast", percent=True),
    "sharpness": _Property("sharpness", "sharper", "less sharp"),
    "saturation": _Property("saturation", "more colourful", "less colourful", percent=True),
    "size": _Property("size", "larger", "smaller", " px"),
    "aspect": _Property("aspect", "wider for their height", "narrower for their height", " : 1"),
    "characters": _Property("length", "longer", "shorter", " characters"),
    "words": _Property("length in words", "longer in words", "shorter in words", " words"),
    "letters in a word": _Property("length of words", "of longer words", "of shorter words", " letters"),
    "upper case": _Property("upper case", "richer in capitals", "poorer in capitals", percent=True),
    "digits": _Property("digits", "richer in digits", "poorer in digits", percent=True),
    "punctuation": _Property("punctuation", "richer in punctuation", "poorer in punctuation", percent=True),
    "seconds": _Property("length", "longer", "shorter", " s"),
    "loudness": _Property("loudness", "louder", "quieter", " dB"),
    "noise": _Property("noise between words", "noisier", "less noisy", " dB"),
    "bandwidth": _Property("bandwidth", "wider in frequency", "narrower in frequency", " Hz"),
    "unknown tokens": _Property(
        "unknown tokens", "richer in tokens that the model does not know",
        "poorer in tokens that the model does not know", percent=True,
    ),
}  # fmt: skip

MOST_NAMED = 4
"""Properties that the sentence names beside the first."""

_MEASURES = {
    "mmd": ("MMD", "any difference of the distributions; squared, about 0 where there is none"),
    "coral": ("CORAL", "difference of the covariances"),
    "frechet": ("Fréchet distance", "difference of means and covariances, as of normal distributions"),
    "otdd": ("Dataset distance", "what it costs to carry examples with their labels across (OTDD)"),
}


def gap_words(gap: Gap) -> str:
    """Say in a sentence or two how far apart the sets are, and by which simple property."""
    return f"{gap_sentence(gap)} {property_sentence(gap)}".strip()


def gap_sentence(gap: Gap) -> str:
    """Say how far apart the sets are."""
    first, second = gap.first.name, gap.second.name
    auc = f"AUC {figure(gap.auc.value)}, {interval(gap.auc)}"
    if gap.level is GapLevel.NONE:
        return f"{first} and {second} cannot be told apart on the features of {gap.model} ({auc})."
    right = f"{100 * (0.5 + gap.distance.value / 4):.0f} %"
    far = "lie far apart" if gap.level is GapLevel.LARGE else "differ"
    return (
        f"{first} and {second} {far}: a linear rule on the features of {gap.model} knows {right} of the "
        f"examples by their set ({auc}; proxy A-distance {figure(gap.distance.value, 2)} of 2)."
    )


def property_sentence(gap: Gap) -> str:
    """Say which simple property differs most; nothing where none was measured."""
    if not gap.properties:
        return ""
    if not gap.differing:
        return "No simple property differs."
    one = gap.differing[0]
    known = _known(one)
    sure = max(one.more.value, 1 - one.more.value)
    direction = known.more if one.more.value > 0.5 else known.less
    first, second = (_value(one, median) for median in one.medians)
    kind = {"image": "Pictures", "audio": "Sounds"}.get(gap.modality, "Texts")
    text = (
        f"{known.title[:1].upper()}{known.title[1:]} differs most: {kind.lower()} of {gap.second.name} are "
        f"{direction}, in {100 * sure:.0f} % of pairs (median {second} against {first})."
    )
    others = list(dict.fromkeys(_known(other).title for other in gap.differing[1:]))[:MOST_NAMED]
    if not others:
        return text
    return f"{text} So {'does' if len(others) == 1 else 'do'} {_listed(others)}, but less."


def property_title(one: GapProperty) -> str:
    """Name a property."""
    return _known(one).title


def property_values(one: GapProperty) -> tuple[str, str]:
    """Give the medians of both sets, for people."""
    first, second = one.medians
    return _value(one, first), _value(one, second)


def measure_rows(gap: Gap) -> list[dict[str, str]]:
    """List every distance: title, meaning, figure, and what stands beside it."""
    percent = "95 % interval"
    rows = [
        {"title": "Proxy A-distance", "meaning": "0: a linear rule guesses the set; 2: it is never wrong",
         "value": figure(gap.distance.value, 2), "beside": f"{percent} {interval(gap.distance, 2)}"},
        {"title": "AUC of the rule", "meaning": "0.5: it guesses; 1: it is never wrong",
         "value": figure(gap.auc.value), "beside": f"{percent} {interval(gap.auc)}"},
    ]  # fmt: skip
    for name, (title, meaning) in _MEASURES.items():
        found: GapDistance | None = getattr(gap, name)
        if found is None:
            continue
        beside = f"p = {figure(gap.mmd_p)}" if name == "mmd" else ""
        if found.between is not None and found.within is not None:
            beside = f"{_short(found.between)} between the sets less {_short(found.within)} within one"
        rows.append({"title": title, "meaning": meaning, "value": _short(found.value), "beside": beside})
    return rows


def gap_section(gap: Gap | None) -> dict[str, Any] | None:
    """Give what the section of a run's report shows."""
    if gap is None:
        return None
    known = {property_title(one): one.more for one in gap.properties}
    return {
        "gap": gap,
        "sentence": gap_sentence(gap),
        "properties": property_sentence(gap),
        "rows": measure_rows(gap),
        "forest": _forest(gap) if known else None,
    }


def _forest(gap: Gap) -> Forest:
    metrics: dict[str, Metric] = {property_title(one): one.more for one in gap.properties}
    notes = {property_title(one): " against ".join(reversed(property_values(one))) for one in gap.properties}
    marked = property_title(gap.differing[0]) if gap.differing else ""
    return forest(metrics, marked=marked, notes=notes, level=0.5)


def _known(one: GapProperty) -> _Property:
    return _PROPERTIES.get(one.name, _Property(one.name, f"higher in {one.name}", f"lower in {one.name}"))


def _value(one: GapProperty, value: float) -> str:
    known = _known(one)
    if not math.isfinite(value):
        return figure(value)
    if known.percent:
        return f"{figure(100 * value, 1)} %"
    return f"{_short(value)}{known.unit}"


def _short(value: float) -> str:
    """Write a figure with three digits, whatever its size."""
    if not math.isfinite(value) or value == round(value):
        return figure(value, 0)
    return figure(value, max(0, 2 - math.floor(math.log10(abs(value)))))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
