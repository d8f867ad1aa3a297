"""What choices among models look at, where rows come from several domains."""

from crosstune.core.plan import Basis, Decision
from crosstune.planning.facts import DataFacts


def choose_select_by(data: DataFacts) -> Decision:
    """Look at all validation rows together, which changes nothing for who names domains to see them apart.

    The figure of the worst domain rests on its rows alone, so choosing by it is noisier: whoever wants it
    says so.
    """
    if data.domains is None:
        return Decision("select_by", "overall", Basis.ASSUMED, "the default")
    because = (
        f"every validation row counts the same, whichever of the {data.domains} domains it is from; "
        "worst-domain and mean-domain look at domains instead"
    )
    return Decision("select_by", "overall", Basis.ASSUMED, because)
