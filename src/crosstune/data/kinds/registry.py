"""Every modality, the most particular first: a column is of the first kind that claims it."""

from crosstune.data.kinds.base import Kind
from crosstune.data.kinds.pictures import Pictures
from crosstune.data.kinds.sounds import Sounds
from crosstune.data.kinds.texts import Texts

KINDS: tuple[Kind, ...] = (Sounds(), Pictures(), Texts())


def kind_called(modality: str) -> Kind:
    """Return the kind that a modality names; raises ``KeyError`` for one that is not there."""
    return _BY_NAME[modality]


_BY_NAME = {kind.name: kind for kind in KINDS}
