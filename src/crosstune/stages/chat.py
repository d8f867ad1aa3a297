"""A conversation with a tuned language model, one message after the other."""

from dataclasses import dataclass, field
from pathlib import Path

from crosstune.artifacts.model import SavedModel, load_model
from crosstune.core.conversation import ASSISTANT, FRESH, SYSTEM, USER, Conversation, Message
from crosstune.core.errors import DoesNotApply
from crosstune.data.conversations.labelled import asked_of
from crosstune.sources.model_dialogue import ModelDialogue
from crosstune.stages.run import quiet_libraries


@dataclass(frozen=True)
class Reply:
    """What comes back for a message."""

    text: str
    """What the model has written."""
    problem: str = ""
    """Why it was not asked, and how to go on."""


@dataclass
class Chat:
    """A conversation that goes on. The model is asked as ``crosstune predict`` asks it."""

    model: SavedModel
    dialogue: ModelDialogue
    system: str | None = None
    """What the model is told before all else."""
    said: list[Message] = field(default_factory=list)
    """By the user and the model in turn."""

    def answer(self, text: str) -> Reply:
        """Say something and give the answer; both stay in the conversation.

        Where the model could not read all that was said, it is not asked, and the conversation stays as it
        was: an answer to a part of it would look like one to the whole.

        Raises:
            ConversationRefused: the chat template does not take these messages.

        Cost: one pass over the whole conversation, and one for each token that is written.
        Checked by: ``tests/stages/test_chat.py``: as transformers answers the same messages.
        """
        asked = self._with(Message(USER, text))
        count, most = len(self.dialogue.whole_prompt(asked)), self.dialogue.longest - 1
        if count > most:
            return Reply("", self._too_long(count, most))
        with quiet_libraries():
            (row,) = self.model.predict(asked_of([asked]).items("all"))
        written = str(row["text"])
        self.said += [Message(USER, text), Message(ASSISTANT, written)]
        return Reply(written)

    def begin_again(self) -> None:
        """Forget what was said; what the model is told before all else stays."""
        self.said.clear()

    def _with(self, message: Message) -> Conversation:
        before = [Message(SYSTEM, self.system)] if self.system else []
        return Conversation((*before, *self.said, message))

    def _too_long(self, count: int, most: int) -> str:
        begins = f"{count:,} tokens, and the model reads {most:,}"
        if self.said:
            return f"with this message the conversation has {begins}: {FRESH} begins another one"
        return f"this message has {begins}: say it in fewer words"


def open_chat(run: Path, system: str | None = None) -> Chat:
    """Open the model of a run to talk to it.

    Args:
        run: a run directory, or its ``model``.
        system: what the model is told before all else; ``None`` or blanks: nothing.

    Raises:
        DoesNotApply: the run is of another task.
        ConversationRefused: the chat template takes no message of the system.
        NotAModel, DamagedFile: as :func:`load_model`.
    """
    model = load_model(run)
    dialogue = model.backbone.dialogue
    if not isinstance(dialogue, ModelDialogue):
        raise DoesNotApply(
            "`chat` talks to language models that answer",
            found=f"{run}, a run of the task {model.task.name}",
            expected="a run of the task text-generation",
            fix="use `crosstune predict`, or tune a model to answer: --task text-generation",
        )
    chat = Chat(model, dialogue, system if system and system.strip() else None)
    dialogue.prompt(
        Conversation((*([Message(SYSTEM, chat.system)] if chat.system else []), Message(USER, "?")))
    )
    return chat
