"""The tokenizer of a language model, and how much the model reads; its weights stay where they are."""

from dataclasses import dataclass
from pathlib import Path

from crosstune.core.refused import refuse
from crosstune.sources import hub
from crosstune.sources.chat import ChatTokenizer
from crosstune.sources.chat_files import read_chat
from crosstune.sources.errors import UnknownModel
from crosstune.sources.guard import check_folder
from crosstune.sources.local import LocalSource
from crosstune.sources.packages import PackageSource, text_place
from crosstune.sources.processors import Gguf


@dataclass(frozen=True, kw_only=True)
class ChatModel:
    """What of a language model writes and reads conversations."""

    name: str
    chat: ChatTokenizer
    longest: int
    """Tokens that the model reads at once."""


def open_chat(name: str) -> ChatModel:
    """Open the tokenizer of a language model that writes: ``package:name``, a folder, or a Hub id.

    Raises:
        UnknownModel: there is no such model, or it cannot be reached.
        UnsupportedModel: it does not write texts, or its tokenizer cannot be read.
        MissingExtra: the name belongs to a pip package that is not installed.
        DamagedFile: a file of the folder is damaged.

    Cost: no weights are read, but for the one file of a GGUF model.
    Checked by: ``tests/sources/test_chat_models.py``.
    """
    folder, gguf = _place(name)
    if gguf is None:
        check_folder(folder)
    _, chat, longest = read_chat(folder, name, gguf)
    return ChatModel(name=name, chat=chat, longest=longest)


def _place(name: str) -> tuple[Path, Gguf | None]:
    if PackageSource().claims(name):
        return text_place(name)
    if LocalSource().claims(name):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            refuse(folder)
            raise UnknownModel(name, reason="there is no such folder")
        return folder, None
    if not hub.is_hub_id(name):
        raise UnknownModel(name, reason="it is not written like the name of a language model")
    return hub.snapshot(name, weights=False), None
