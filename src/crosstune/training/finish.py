"""After the last step: the best weights, a soup, the merge of adapters, the alarms."""

import math
import time
from dataclasses import replace

from crosstune.frozen.freeze import evaluating
from crosstune.training import alarms
from crosstune.training.average import greedy_soup
from crosstune.training.forward import Forward
from crosstune.training.loop import Loop
from crosstune.training.lora import MERGE_BATCHES, check_merge, merge_adapters
from crosstune.training.recovery import outputs
from crosstune.training.result import TrainResult
from crosstune.training.snapshot import Weights, moving, restore, take
from crosstune.training.strategies import set_mode


def finish(loop: Loop) -> TrainResult:
    """Load the best weights into the model and say what the run came to."""
    _gather(loop)
    if loop.settings.average == "soup" and loop.keeper.ingredients:
        _soup(loop)
    elif loop.keeper.weights is not None:
        restore(loop.live, loop.keeper.weights)
    if loop.settings.strategy == "lora":
        _merge(loop)
    session, numerics = loop.session, loop.session.numerics
    if loop.update.across and loop.settings.group_dro > 0.0:
        shares = zip(loop.update.across.names, loop.update.across.weights.tolist(), strict=True)
        weighed = ", ".join(f"{name} {share:.3f}" for name, share in shares if share)
        loop.reporter.say(f"GroupDRO ended with the weights {weighed}")
    for sentence in _alarms(loop):
        loop.warn(sentence)
    session.accelerator.wait_for_everyone()  # before the first of them removes what others may still read
    session.accelerator.end_training()
    if session.stored is not None and session.accelerator.is_local_main_process:
        session.stored.delete()
    examples = loop.step * loop.order.batch_size
    return TrainResult(
        history=loop.history,
        best=loop.keeper.figure(loop.keeper.score),
        best_step=loop.keeper.step,
        steps=loop.step,
        epochs=loop.step / loop.order.steps_per_epoch,
        seconds=time.monotonic() - loop.started,
        stopped=loop.stopped,
        warnings=tuple(loop.warnings),
        seconds_per_example=loop.train_seconds / examples if examples else math.nan,
        precision=numerics.precision,
        memory_format=numerics.memory_format,
        cached=session.stored is not None,
        outputs=loop.last_outputs,
    )


def _gather(loop: Loop) -> None:
    """Where the model is spread over processes, go on with the whole one in each, and the same weights."""
    session, whole = loop.session, loop.session.whole
    if whole is None:
        return
    weights = take(loop.live)
    whole.model.to(session.accelerator.device)
    loop.model, loop.live = whole.model, moving(whole.model, session.moving)
    restore(loop.live, weights)
    set_mode(whole, loop.settings, loop.epoch)
    loop.session = replace(session, backbone=whole, forward=Forward(whole), whole=None)


def _alarms(loop: Loop) -> list[str]:
    """List what looks wrong about a training that has ended."""
    session, outputs = loop.session, loop.best_outputs
    found = [alarms.unchanged_loss(loop.losses)]
    if outputs is not None:
        found.append(alarms.one_answer(session.task, outputs, session.evaluator.encoded))
        if loop.budget.left() > loop.evaluation_seconds and loop.settings.strategy != "lora":
            found.append(alarms.suspicious_validation(session, outputs))
    return [sentence for sentence in found if sentence]


def _soup(loop: Loop) -> None:
    """Average the checkpoints greedily; BatchNorm statistics are measured for every average."""
    evaluator = loop.session.evaluator
    chosen_by = evaluator.chosen_by.name

    def put(weights: Weights) -> None:
        restore(loop.live, weights)
        loop.refresh()

    def score(weights: Weights) -> float:
        put(weights)
        with evaluating(loop.model):
            return loop.keeper.comparable(evaluator.figures(outputs(loop))[chosen_by])

    soup = greedy_soup(loop.keeper.ingredients, score)
    if len(soup.steps) > 1:
        put(soup.weights)
    else:
        restore(loop.live, soup.weights)
    loop.keeper.score, loop.keeper.step = soup.score, max(soup.steps)
    loop.reporter.say(f"the soup holds the weights after the steps {', '.join(map(str, sorted(soup.steps)))}")


def _merge(loop: Loop) -> None:
    """Merge the adapters and verify the merged model in float32."""
    evaluator = loop.session.evaluator
    with evaluating(loop.model):
        before = evaluator.outputs(loop.session.forward, answering=False, most=MERGE_BATCHES)
        merge_adapters(loop.session.backbone)
        loop.model.eval()
        after = evaluator.outputs(loop.session.forward, answering=False, most=MERGE_BATCHES)
    check_merge(before, after)
