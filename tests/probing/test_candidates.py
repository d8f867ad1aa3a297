"""Single candidates: a blend is the mean of its members, in weights and in outputs."""

import numpy as np

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.probing.candidates import Problem, blend_candidate, logistic_candidate, ridge_candidate
from crosstune.probing.matrix import Matrix
from crosstune.tasks.registry import make_task


class Loud(Silent):
    """Remembers warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keep the text."""
        self.warnings.append(text)


def problem(deadline: Budget, reporter: Silent) -> tuple[Problem, Matrix, Matrix]:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 3, 300)
    features = (np.eye(3)[truth] @ draw.normal(size=(3, 8)) + draw.normal(size=(300, 8))).astype(np.float32)
    task = make_task("image-classification", [f"c{one}" for one in truth])
    targets = task.linear_targets(truth)
    made = Problem(
        task=task,
        train_encoded=truth[:200],
        validation_encoded=truth[200:],
        targets=targets[:200],
        validation_targets=targets[200:],
        settings=Settings(),
        deadline=deadline,
        reporter=reporter,
    )
    return made, Matrix(((features[:200],),)), Matrix(((features[200:],),))


def test_a_blend_is_the_mean_of_its_members() -> None:
    made, train, held_out = problem(Budget(60), Silent())
    ridge = ridge_candidate(made, "all", train, held_out, None)
    logistic = logistic_candidate(made, "all", train, held_out, None)
    blend = blend_candidate(made, ridge, logistic, held_out)
    mean = (ridge.validation_outputs + logistic.validation_outputs) / 2
    np.testing.assert_allclose(blend.validation_outputs, mean, atol=1e-9)
    assert (blend.head.kind, blend.name) == ("blend", "blend, all blocks")
    assert blend.members == (ridge, logistic)
    assert blend.measurements[0].detail == {
        "ridge": ridge.head.penalty,
        "logistic": logistic.head.penalty,
    }


def test_a_path_that_ran_out_of_time_is_announced() -> None:
    reporter = Loud()
    made, train, held_out = problem(Budget(1e-9), reporter)
    fitted = logistic_candidate(made, "last", train, held_out, None)
    assert fitted.measurements[0].detail is not None
    assert fitted.measurements[0].detail["stopped"] == "deadline"
    assert len(reporter.warnings) == 1
    assert "last block ran out of time" in reporter.warnings[0]
