"""Stage 7: gather what the run knows into one value, and write metrics, history, card and page."""

import base64
import csv
import io
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.artifacts.model import SavedModel
from crosstune.core.controls import Controls
from crosstune.core.evidence import Measurement
from crosstune.core.files import replacing, write_json
from crosstune.core.forgetting import Forgetting
from crosstune.core.metric import Metric
from crosstune.core.ranking import model_label
from crosstune.core.sound import Sound
from crosstune.core.summary import Curve, Mistake, RunSummary
from crosstune.core.trial import TrialRow
from crosstune.core.version import VERSION
from crosstune.core.words import unmarked
from crosstune.data.layout import OUT_OF_DOMAIN
from crosstune.evaluation.box_figures import BACKGROUND, box_confusion, precision_curves
from crosstune.evaluation.calibration import reliability
from crosstune.evaluation.mistakes import confusion, worst
from crosstune.evaluation.scores import score
from crosstune.reports.card import write_card
from crosstune.reports.page import write_report
from crosstune.stages.advise import rank_rows
from crosstune.stages.assess import Assessed, finite
from crosstune.stages.outcome import Tuned
from crosstune.stages.picture_answers import compared
from crosstune.stages.players import sound_address
from crosstune.stages.prepare import SPLITS, Prepared
from crosstune.stages.ranking import Ranking
from crosstune.stages.run import Run
from crosstune.stages.ship import Shipped
from crosstune.stages.trials import SECOND
from crosstune.tasks.base import Row
from crosstune.tasks.structured import InPictures, InText, Structured, WithBoxes
from crosstune.tasks.text_generation import TextGeneration

PICTURE = 160
"""Longest side of a picture on the page, in pixels."""

POINTS = 2_000
"""Most points of the scatter plot."""

TEXT = 400
"""Most characters of a text on the page."""


def summarise(
    run: Run, prepared: Prepared, tuned: Tuned, shipped: Shipped, assessed: Assessed, ranking: Ranking,
    forgetting: Forgetting | None = None,
    controls: Controls | None = None,
) -> RunSummary:  # fmt: skip
    """Carry the stage out."""
    task, backbone = prepared.task, tuned.model.backbone
    primary, spec = next(iter(task.metrics.items()))
    classes = tuple(getattr(task, "classes", ()))
    kind = task.linear_kind()
    values, has_scores = kind == "values", kind in ("classes", "multi-label")
    native = tuned.model.head is None
    summary = RunSummary(
        task=task.name,
        primary_metric=primary,
        higher_is_better=spec.higher_is_better,
        model=backbone.name,
        licence=backbone.licence,
        shipped=tuned.shipped,
        loads_with=_loads_with(run, tuned.model, native),
        data=prepared.data.source,
        classes=classes,
        counts={split: len(items) for split, items in prepared.items.items()}
        | {"set aside": len(prepared.report.bad)},
        class_counts=_class_counts(prepared, classes),
        findings=tuple((f.severity, f.code, f.sentence) for f in prepared.report.findings),
        validation=assessed.validation,
        test=assessed.test,
        leaked=assessed.leaked,
        test_without_leaks=assessed.test_without_leaks,
        out_of_domain=assessed.out_of_domain,
        out_of_domain_baselines=assessed.out_of_domain_baselines,
        domains=assessed.domains,
        baselines=assessed.baselines,
        candidates=_candidates(prepared, tuned),
        comparison=tuned.comparison,
        **_confused(prepared, shipped),
        calibration=list(reliability(task, shipped.test, prepared.encoded["test"])) if has_scores else [],
        scatter=_scatter(prepared, shipped) if values else [],
        curves=_curves(tuned, primary),
        mistakes=_mistakes(prepared, shipped),
        plan=tuned.plan,
        ranking=rank_rows(ranking),
        skipped=ranking.skipped,
        depth=shipped_depth(run.measurements, second=tuned.fine_tuned),
        trials=_trials(run, tuned),
        forgetting=forgetting,
        controls=controls,
        gap=run.gap,
        seconds={**run.seconds, "total": run.budget.elapsed()},
        predicted_seconds=_foreseen(run),
        budget=run.options.seconds,
        warnings=tuple(run.warnings),
        versions=versions(),
    )
    _write(run, summary, tuned)
    return summary


def _write(run: Run, summary: RunSummary, tuned: Tuned) -> None:
    folder = run.folder
    tables = {name: {m: v.to_json() for m, v in table.items()} for name, table in summary.baselines.items()}
    metrics = {
        "task": summary.task,
        "primary_metric": summary.primary_metric,
        "validation": {name: metric.to_json() for name, metric in summary.validation.items()},
        "test": {name: metric.to_json() for name, metric in summary.test.items()},
        "test_without_leaks": {
            "leaked": summary.leaked,
            "rows": summary.counts.get("test", 0) - summary.leaked,
            "metrics": {name: metric.to_json() for name, metric in summary.test_without_leaks.items()},
        },
        "baselines": tables,
        "seconds": summary.seconds,
        **_domains(summary),
    }
    write_json(folder.metrics, finite(metrics))
    write_json(folder.plan, {"crosstune": VERSION, "decisions": finite(summary.plan.to_json())})
    write_json(folder.summary, finite(summary.to_json()))
    rows = tuned.result.history if tuned.result else []
    with replacing(folder.history) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        names = list(dict.fromkeys(name for row in rows for name in row)) or ["step", "seconds"]
        writer = csv.DictWriter(handle, names)
        writer.writeheader()
        writer.writerows(rows)
    write_card(summary, folder.card)
    write_report(summary, folder.report)


def _domains(summary: RunSummary) -> dict[str, Any]:
    """Give what ``metrics.json`` holds about domains; nothing where rows have none."""
    if summary.domains is None:
        return {}
    plain = summary.to_json()
    outside = {
        "held_out": list(summary.domains.held_out),
        "rows": summary.counts.get(OUT_OF_DOMAIN, 0),
        "metrics": plain["out_of_domain"],
        "baselines": plain["out_of_domain_baselines"],
    }
    return {"out_of_domain": outside if summary.domains.held_out else None, "domains": plain["domains"]}


def _loads_with(run: Run, model: SavedModel, native: bool) -> str:
    path = str(run.folder.model)
    own = f'import crosstune\nmodel = crosstune.load("{path}")'
    return model.backbone.loads_with.format(path=path) if native and model.backbone.loads_with else own


def _class_counts(prepared: Prepared, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    if prepared.task.linear_kind() not in ("classes", "multi-label"):
        return {}
    counts = {split: prepared.task.linear_targets(prepared.encoded[split]).sum(axis=0) for split in SPLITS}
    return {
        split: {name: int(number) for name, number in zip(classes, row, strict=True)}
        for split, row in counts.items()
    }


def _candidates(prepared: Prepared, tuned: Tuned) -> dict[str, Metric]:
    primary = next(iter(prepared.task.metrics))
    truth = prepared.encoded["validation"]
    return {
        name: score(prepared.task, outputs, truth, only=(primary,))[primary]
        for name, outputs in tuned.candidates.items()
    }


def _known(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _confused(prepared: Prepared, shipped: Shipped) -> dict[str, Any]:
    """Give which classes are taken for others, and for boxes also precision by recall."""
    task, truth = prepared.task, prepared.encoded["test"]
    if isinstance(task, WithBoxes):
        return {
            "confusion": box_confusion(task, shipped.test, truth).tolist(),
            "confusion_names": (*task.classes, BACKGROUND),
            "precision_by_recall": precision_curves(task, shipped.test, truth),
        }
    if task.linear_kind() not in ("classes", "multi-label"):
        return {}
    return {"confusion": confusion(task, shipped.test, truth).tolist()}


def _scatter(prepared: Prepared, shipped: Shipped) -> list[tuple[float, float]]:
    rows = prepared.task.decode(shipped.test)[:POINTS]
    truth = prepared.items["test"].targets()
    return [(float(t), float(row["value"])) for t, row in zip(truth[:POINTS], rows, strict=True)]


def _curves(tuned: Tuned, primary: str) -> tuple[Curve, ...]:
    history = tuned.result.history if tuned.result else []
    curves = []
    for name in ("train_loss", primary):
        points = [(int(row["step"]), float(row[name])) for row in history if _known(row.get(name))]
        if points:
            steps, values = zip(*points, strict=True)
            curves.append(Curve(name=name, steps=list(steps), values=list(values)))
    return tuple(curves)


def _foreseen(run: Run) -> dict[str, float]:
    rows = [row for row in run.measurements if row.name.startswith("speed/foreseen/")]
    return {row.candidate: row.metric.value for row in rows}


def shipped_depth(measurements: Sequence[Measurement], *, second: bool) -> tuple[tuple[str, Metric], ...]:
    """Give the depth curve of the model that ships: with ``second``, of the one that the trials preferred.

    Other models of the shortlist have curves among the measurements as well.
    Checked by: ``tests/stages/test_summarise.py``.
    """
    alone = [row for row in measurements if row.detail and "block" in row.detail]
    for start in (f"{SECOND}/closed-form/ridge@", "closed-form/ridge@")[0 if second else 1 :]:
        rows = [row for row in alone if row.name.startswith(start)]
        if rows:
            return tuple((row.name.removeprefix(start), row.metric) for row in rows)
    return ()


def _trials(run: Run, tuned: Tuned) -> tuple[TrialRow, ...]:
    plan = tuned.plan
    label = model_label(plan["model"], plan.value("image_size"))
    taken = (label, plan.value("strategy"), plan.value("lr"))
    evidence = plan.decision("lr").evidence if "lr" in plan else ()
    return tuple(
        TrialRow(
            round=known["round"],
            model=known["model"],
            moves=known["moves"],
            lr=known["lr"],
            metric=row.metric,
            loss=known["loss"],
            epochs=known["epochs"],
            seconds=row.seconds,
            chosen=row.name in evidence and (known["model"], known["strategy"], known["lr"]) == taken,
        )
        for row in run.measurements
        if row.name.startswith("trial/") and (known := row.detail or {})
    )


def _mistakes(prepared: Prepared, shipped: Shipped) -> tuple[Mistake, ...]:
    task, items = prepared.task, prepared.items["test"]
    chosen = worst(task, shipped.test, prepared.encoded["test"])
    if not len(chosen):
        return ()
    rows = task.decode(shipped.test[chosen])
    origins, targets = items.origins(), items.targets()
    raw = items.batch(chosen)
    if isinstance(task, Structured):
        encoded = prepared.encoded["test"][chosen]
        scores = task.badness(shipped.test[chosen], encoded)
        if isinstance(task, InText):
            both = [task.shown(one, raw) for one in (encoded, shipped.test[chosen])]
            return tuple(
                Mistake(origin=origins[i], truth=said or "-", predicted=found or "-", score=float(bad),
                        text=unmarked(text))
                for i, said, found, bad, text in zip(chosen, *both, scores, raw, strict=True)
            )  # fmt: skip
        if isinstance(task, InPictures):
            return _in_pictures(task, [origins[i] for i in chosen], raw, encoded, shipped.test[chosen])
        truths = task.truths(encoded) if isinstance(task, TextGeneration) else encoded.tolist()
        return tuple(
            Mistake(origin=origins[i], truth=str(said), predicted=str(row.get("text", "")), score=float(bad),
                    sound=sound_address(example) if isinstance(example, Sound) else None)
            for i, said, row, bad, example in zip(chosen, truths, rows, scores, raw, strict=True)
        )  # fmt: skip
    return tuple(
        _mistake(origins[i], targets[i], row, example)
        for i, row, example in zip(chosen, rows, raw, strict=True)
    )


def _in_pictures(
    task: Any,  # noqa: ANN401 - an image task that is both structured and in pictures
    origins: Sequence[str], pictures: Sequence[Image.Image], encoded: NDArray[Any], answers: NDArray[Any],
) -> tuple[Mistake, ...]:  # fmt: skip
    """Set the truth of each picture beside its answer."""
    shown = compared(task, pictures, encoded, answers)
    words = zip(task.truths(encoded), task.truths(answers), strict=True)
    return tuple(
        Mistake(origin=origin, truth=_listed(said), predicted=_listed(found), score=float(bad), picture=pair)
        for origin, pair, (said, found), bad in zip(
            origins, shown, words, task.badness(answers, encoded), strict=True
        )
    )


def _listed(names: Sequence[str]) -> str:
    """Name each class once, with how often it is there."""
    counts = Counter(names)
    return ", ".join(name if number == 1 else f"{number} {name}" for name, number in counts.items()) or "-"


def _mistake(origin: str, truth: Any, row: Row, raw: Any) -> Mistake:  # noqa: ANN401
    predicted = row.get("label", row.get("labels"))
    value = row.get("value")
    text = " | ".join(raw) if isinstance(raw, tuple) else raw
    return Mistake(
        origin=origin,
        truth=str(truth),
        predicted=str(predicted) if value is None else f"{value:.3g}",
        score=_confidence(row, truth) if value is None else abs(float(value) - float(truth)),
        text=text[:TEXT] if isinstance(text, str) else None,
        picture=picture(raw) if isinstance(raw, Image.Image) else None,
    )


def _confidence(row: Row, truth: Any) -> float:  # noqa: ANN401
    """Return how sure the model was; of several labels, of the one it was most wrong about."""
    if "score" in row:
        return float(row["score"])
    true = {str(label) for label in truth}
    wrong = [score if name not in true else 1.0 - score for name, score in row["scores"].items()]
    return float(max(wrong))


def picture(image: Image.Image) -> str:
    """Give a small JPEG as a ``data:`` address."""
    small = image.copy()
    small.thumbnail((PICTURE, PICTURE))
    buffer = io.BytesIO()
    small.convert("RGB").save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def versions() -> dict[str, str]:
    """Give the versions that a figure may depend on."""
    names = ("torch", "transformers", "timm", "datasets", "numpy")
    return {"crosstune": VERSION, "python": platform.python_version()} | {n: version(n) for n in names}
