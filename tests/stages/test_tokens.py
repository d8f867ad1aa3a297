"""What the tokenizer shows: tokens lost and unknown."""

import pytest
from transformers import AutoTokenizer

from crosstune.sources.preprocessing import TextPreprocessing
from crosstune.stages.tokens import token_findings
from tests.support.tiny import GOOD, tiny_bert_dir


@pytest.fixture(scope="module")
def preprocessing(tmp_path_factory: pytest.TempPathFactory) -> TextPreprocessing:
    folder = tiny_bert_dir(tmp_path_factory.mktemp("tokens") / "bert")
    return TextPreprocessing(AutoTokenizer.from_pretrained(folder), 8)


def test_short_known_texts_have_no_finding(preprocessing: TextPreprocessing) -> None:
    assert token_findings([" ".join(GOOD[:3])] * 20, preprocessing) == []
    assert token_findings([], preprocessing) == []


def test_the_share_of_lost_tokens_is_that_of_all_tokens(preprocessing: TextPreprocessing) -> None:
    long = " ".join([GOOD[0]] * 30)  # 32 tokens, 24 of them beyond the eighth
    (finding,) = token_findings([GOOD[0], long], preprocessing)
    assert (finding.code, finding.severity) == ("long-texts", "warning")
    assert finding.sentence.startswith(f"{24 / 35:.1%} of the tokens are lost: 50.0% of the texts")


def test_unknown_tokens_are_counted_and_pairs_are_read(preprocessing: TextPreprocessing) -> None:
    (finding,) = token_findings([(GOOD[0], "\u043f\u0440\u0438")] * 3, preprocessing)
    assert (finding.code, finding.severity) == ("unknown-tokens", "warning")
