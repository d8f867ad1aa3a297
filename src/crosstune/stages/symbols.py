"""What a recogniser can write: its own symbols, and those of the training transcripts that it lacks."""

from dataclasses import replace

from crosstune.core.plan import Basis, Decision
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
    return replace(prepared, task=task, encoded=encoded)
