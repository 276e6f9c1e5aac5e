"""The transformer's widths."""

import pytest

from model.caption.transformer import TransformerDecoder
from tests.model.caption.tiny import APPEARANCE, MOTION, captioner


def test_widths_that_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="multiple of 3 heads"):
        captioner("transformer", heads=3)


def test_transformer_ties_words_of_its_width() -> None:
    tied = captioner("transformer", word_width=16).decoder
    assert isinstance(tied, TransformerDecoder)
    assert tied.out.weight is tied.embedding.weight
    assert tied.project.in_features == APPEARANCE + MOTION
