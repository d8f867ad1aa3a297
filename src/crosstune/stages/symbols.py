"""What a recogniser can write: its own symbols, and those of the training transcripts that it lacks."""

from dataclasses import replace

from crosstune.core.plan import Basis, Decision
from crosstune.core.spelling import Spelling
from crosstune.data.gate.characters import UNSEEN, unseen_characters
from crosstune.data.gate.policy import judged
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.speech_recognition import SpeechRecognition


def with_symbols(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Spell the transcripts as the opened model does; every other task stays as it is.

    A model whose letters are all capitals is given transcripts in capitals, unless the setting
    ``transcripts`` says otherwise.
    """
    task, spelling = prepared.task, opened.backbone.spelling
    if not isinstance(task, SpeechRecognition) or spelling is None:
        return prepared
    asked = run.settings.transcripts
    if asked == "auto":
        writing = "upper" if spelling.capitals else "plain"
        why = f"the model writes {'capitals' if spelling.capitals else 'small letters'}"
        run.decided(Decision("transcripts", writing, Basis.MEASURED, why))
        task = replace(task, writing=writing)
    task = task.spelled_with(spelling)
    encoded = {split: task.encode(items.targets()) for split, items in prepared.items.items()}
    return _with_findings(run, replace(prepared, task=task, encoded=encoded), spelling)


def _with_findings(run: Run, prepared: Prepared, spelling: Spelling) -> Prepared:
    """Warn of transcripts to evaluate on that the model cannot write, unless the check has done so.

    The check sees no splits where the run made them.
    """
    if any(finding.code == UNSEEN for finding in prepared.report.findings):
        return prepared
    rows = [
        (split, origin, unknown)
        for split, items in prepared.items.items()
        if split != "train"
        for origin, text in zip(items.origins(), prepared.encoded[split].tolist(), strict=True)
        if (unknown := spelling.unknown(text))
    ]
    findings = judged(unseen_characters(rows, known=True), strict=run.options.strict)
    if not findings:
        return prepared
    run.found(findings)
    report = replace(prepared.report, findings=(*prepared.report.findings, *findings))
    report.require()
    return replace(prepared, report=report)
