"""Errors about models that a user can fix."""

from collections.abc import Sequence

from crosstune.core.errors import UserError, nearest, shown

WORDS = {"image": "images", "text": "texts", "audio": "sounds"}
"""Of modalities, for people."""


class UnknownModel(UserError):
    """No source knows the name, or its weights cannot be reached from here."""

    code = "unknown-model"

    def __init__(
        self,
        name: str,
        *,
        reason: str,
        choices: Sequence[str] = (),
        here: Sequence[str] = (),
        fix: str | None = None,
    ) -> None:
        """Say why, list what can be opened on this machine, and the nearest name.

        Args:
            name: as the user typed it.
            reason: what is wrong with it.
            choices: all names among which a nearer one may be found.
            here: names that can be opened on this machine.
            fix: what to do besides taking another name.
        """
        self.name, self.reason, self.choices, self.fix_here = name, reason, tuple(choices), fix
        near = nearest(name, [one for one in (*choices, *here) if one != name])
        fixes = [*([fix] if fix else []), *([f"did you mean `{near}`?"] if near else [])]
        super().__init__(
            f"the model `{name}` cannot be opened: {reason}",
            found=name,
            expected=f"a model that is available here: {shown(here, most=40)}" if here else "a known model",
            fix="; ".join(fixes) or "use one of the names above, a local folder, or a Hub id with a network",
        )

    def listing(self, here: Sequence[str]) -> "UnknownModel":
        """Return the same error with the names that can be opened on this machine."""
        return UnknownModel(self.name, reason=self.reason, choices=self.choices, here=here, fix=self.fix_here)


class UnsupportedModel(UserError):
    """The model exists, but its architecture or its files do not fit what was asked for."""

    code = "unsupported-model"


class OtherModality(UnsupportedModel):
    """The model reads something else than the data are."""

    def __init__(self, name: str, *, reads: str, task: str, wanted: str) -> None:
        """Say what the model reads and what the task needs, such as ``image`` and ``text``."""
        self.reads = reads
        super().__init__(
            f"the model `{name}` does not fit the task {task}",
            found=f"a model that reads {WORDS.get(reads, reads)}",
            expected=f"a model that reads {WORDS.get(wanted, wanted)}",
            fix="name another model with `--model`, or leave it out to have one chosen",
        )


class BadWeights(UserError):
    """A weight file is damaged, incomplete, or holds values that are not finite."""

    code = "bad-weights"


class ConversationRefused(UserError):
    """The chat template of a model does not take a conversation that it is to answer."""

    code = "template-refused"

    def __init__(self, reason: str) -> None:
        """Quote what the template says."""
        super().__init__(
            "the chat template of the model does not take a conversation",
            found=reason,
            expected="messages in the order that the template knows: user and assistant in turn",
            fix="run `crosstune check --show-mask` on the rows; it names those that the template refuses",
        )
