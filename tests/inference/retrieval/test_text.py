"""What a text costs of whose words training had few."""

import pytest

from data_loader.vocabulary import SPECIAL, CaptionVocabulary
from inference.retrieval.text import UNKNOWN, surcharge
from util.errors import UserError


def test_unknown_words_cost_their_share() -> None:
    known = CaptionVocabulary(words=(*SPECIAL, "a", "man", "rides", "horse"))
    assert surcharge(known, "A man rides a horse.") == 0
    assert surcharge(known, "a walrus rides on a zebra") == pytest.approx(UNKNOWN * 2 / 3)
    assert surcharge(known, "the walrus is in the zebra") == pytest.approx(UNKNOWN)
    assert surcharge(known, "of the") == pytest.approx(UNKNOWN)  # nothing else is there to go by
    with pytest.raises(UserError, match="there is no word in it"):
        surcharge(known, "...")
