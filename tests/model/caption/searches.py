"""The plain search, and equality of what searches find."""

from typing import Any

import pytest

from model.caption.search import Caption

PLAIN: dict[str, Any] = {
    "beam": 1, "max_words": 6, "length_penalty": 0.0, "no_repeat": 0, "n_best": 1, "trace": False
}  # fmt: skip


def same(found: list[Caption], expected: list[Caption]) -> None:
    assert [c.words for c in found] == [c.words for c in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-5)
        assert one.score == pytest.approx(other.score, abs=1e-5)
