"""The run in one sentence: the primary figure, its interval, and what it must beat."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from crosstune.core.metric import Metric
from crosstune.core.summary import RunSummary
from crosstune.reports.figures import decimals, figure, interval

_TITLES = {
    "macro-f1": "Macro F1",
    "micro-f1": "Micro F1",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R²",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "exact-match": "Exact match",
    "log-loss": "Log loss",
    "balanced-accuracy": "Balanced accuracy",
    "calibration-error": "Calibration error",
    "wer": "Word error rate",
    "cer": "Character error rate",
    "token-loss": "Loss of a token",
    "token-f1": "F1 of words",
    "substitutions": "Words substituted",
    "deletions": "Words left out",
    "insertions": "Words put in",
    "f1": "F1 over entities",
    "precision": "Precision over entities",
    "recall": "Recall over entities",
    "mean-iou": "Mean IoU",
    "map": "Mean average precision",
    "map-50": "Mean average precision at overlap 0.5",
    "map-75": "Mean average precision at overlap 0.75",
    "map-small": "Mean average precision, small objects",
    "map-medium": "Mean average precision, medium objects",
    "map-large": "Mean average precision, large objects",
    "recall-100": "Recall of 100 boxes",
    "precision-50": "Precision of the shown boxes",
    "recall-50": "Recall of the shown boxes",
    "f1-50": "F1 of the shown boxes",
    "ap": "Average precision",
    "boundary-f1": "F1 of boundaries",
    "iou": "IoU",
}

_MEANINGS = {
    "accuracy": "share of the examples answered right",
    "balanced-accuracy": "share answered right, each class counting the same",
    "macro-f1": "balance of precision and recall, each class counting the same",
    "micro-f1": "balance of precision and recall, each answer counting the same",
    "exact-match": "share of the examples answered entirely right",
    "log-loss": "surprise at the truth, in nats; lower is better",
    "calibration-error": "gap between stated confidence and share answered right; lower is better",
    "mae": "mean distance from the truth, in the target's unit; lower is better",
    "rmse": "as the mean error, large ones weighing more; lower is better",
    "r2": "share of the target's variance explained; 1 is perfect, 0 is guessing the mean",
    "pearson": "linear agreement with the truth; 1 is perfect, 0 is none",
    "spearman": "agreement of the ranking with the truth; 1 is perfect, 0 is none",
    "wer": "wrong, missing and added words over the words that were said; lower is better",
    "cer": "the same for characters",
    "token-loss": "surprise at each token of the true answers, in nats; lower is better",
    "perplexity": "among how many tokens the model is undecided, at each; lower is better",
    "token-f1": "balance of right and missing words of the answers that are written",
    "substitutions": "share of the words that were said and recognised as others",
    "deletions": "share of the words that were said and not recognised",
    "insertions": "recognised words that nobody said, over the words that were said",
    "f1": "balance of precision and recall, each entity counting the same; words and type must be right",
    "precision": "share of the entities found that are right",
    "recall": "share of the entities there that are found",
    "boundary-f1": "how near boundaries lie: right within 0.75 % of the diagonal",
    "map": "precision averaged over recalls, ten overlaps from 0.5 to 0.95, and classes, as COCO has it",
    "map-small": "objects of up to 32 x 32 pixels of the picture",
    "map-medium": "up to 96 x 96 pixels",
    "map-large": "from 96 x 96 pixels",
    "recall-100": "share of the objects found, over the same overlaps, each class counting the same",
    "precision-50": "share of the shown boxes that are right: class, and overlap of 0.5",
    "recall-50": "share of the objects that a shown box is right about",
    "f1-50": "balance of both; on validation optimistic, as the score to be shown was chosen there",
}

_BASELINES = {
    "majority class": "always answering the most frequent class",
    "majority": "always answering the most frequent class",
    "mean": "always answering the mean of the training targets",
    "pretrained model, not tuned": "the pretrained model without any tuning",
}


def metric_title(name: str) -> str:
    """Write the name of a metric as a heading; of ``metric/CLASS`` the class stays as it is."""
    metric, slash, kind = name.partition("/")
    if slash:
        return f"{metric_title(metric)}: {kind}"
    return _TITLES.get(name, name[:1].upper() + name[1:].replace("-", " "))


def metric_meaning(name: str) -> str:
    """Say in a few words what a metric is; empty for a metric of a plug-in."""
    return _MEANINGS.get(name, "")


def baseline_words(name: str) -> str:
    """Write the name of a baseline so that it can follow "for"."""
    return _BASELINES.get(name, name)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The parts of the sentence, so that a page can set the figure large."""

    metric: str
    split: str
    value: str
    interval: str
    against: str
    """``, against 0.112 for always answering the most frequent class``; empty without baselines."""
    doubt: str
    """Sentences where no baseline is clearly beaten, the test split is leaked, or domains are held out."""

    @property
    def sentence(self) -> str:
        """The whole."""
        if not self.value:
            return "This run holds no score: neither a validation nor a test split was measured."
        text = f"{self.metric} on the {self.split} split: {self.value}"
        text += f" (95 % interval {self.interval}){self.against}."
        return f"{text} {self.doubt}".strip()


def verdict(summary: RunSummary) -> Verdict:
    """Say how good the shipped model is, on the test split where there is one."""
    name, title = summary.primary_metric, metric_title(summary.primary_metric)
    split, table = ("test", summary.test) if name in summary.test else ("validation", summary.validation)
    if name not in table:
        return Verdict(metric=title, split="", value="", interval="", against="", doubt="")
    ours = table[name]
    rivals = {key: row[name] for key, row in summary.baselines.items() if name in row}
    rivals = rivals if split == "test" else {}
    digits = decimals([ours, *rivals.values()])
    return Verdict(
        metric=title,
        split=split,
        value=figure(ours.value, digits),
        interval=interval(ours, digits),
        against=_against(rivals, digits, higher=summary.higher_is_better),
        doubt=" ".join(
            filter(
                None,
                (
                    _doubt(ours, rivals, higher=summary.higher_is_better),
                    _leaks(summary, split),
                    _out_of_domain(summary),
                ),
            )
        ),
    )


def _against(rivals: Mapping[str, Metric], digits: int, *, higher: bool) -> str:
    """Name the simplest baseline first, and the strongest where that is another one."""
    defined = {key: row for key, row in rivals.items() if math.isfinite(row.value)}
    if not defined:
        return ""
    simple = next((key for key in defined if key in _BASELINES), next(iter(defined)))
    best = strongest(defined, higher=higher)
    names = [simple] if best == simple else [simple, best]
    parts = [f"{figure(defined[key].value, digits)} for {baseline_words(key)}" for key in names]
    return f", against {' and '.join(parts)}"


def strongest(metrics: Mapping[str, Metric], *, higher: bool) -> str:
    """Return the name of the best figure; the first of equals."""
    best = max if higher else min
    return best(metrics, key=lambda name: metrics[name].value)


def _doubt(ours: Metric, rivals: Mapping[str, Metric], *, higher: bool) -> str:
    defined = {key: row for key, row in rivals.items() if math.isfinite(row.value)}
    if not defined or not math.isfinite(ours.value):
        return ""
    key = strongest(defined, higher=higher)
    best = defined[key]
    ahead = ours.value - best.value if higher else best.value - ours.value
    if ahead <= 0:
        return f"The model does not beat the baseline “{key}”."
    apart = ours.low > best.high if higher else ours.high < best.low
    return "" if apart else f"Its interval overlaps that of the baseline “{key}”."


def _leaks(summary: RunSummary, split: str) -> str:
    """Give the figure without the test examples that the model may have seen."""
    if not summary.leaked or split != "test":
        return ""
    many = summary.leaked != 1
    lead = (
        f"{summary.leaked:,} test example{'s have' if many else ' has'} a copy, or nearly one, in training "
    )
    lead += "or validation"
    clean = summary.test_without_leaks.get(summary.primary_metric)
    if clean is None:
        return f"{lead}; hardly any other is left to measure."
    digits = decimals([clean])
    rest = f"without {'them' if many else 'it'}: {figure(clean.value, digits)}"
    return f"{lead}; {rest} ({interval(clean, digits)})."


def _out_of_domain(summary: RunSummary) -> str:
    """Give the figure on the domains that were held out."""
    found = summary.out_of_domain.get(summary.primary_metric)
    if found is None or summary.domains is None:
        return ""
    names, digits = summary.domains.held_out, decimals([found])
    which = f"domain{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return f"On the held-out {which}: {figure(found.value, digits)} ({interval(found, digits)})."
