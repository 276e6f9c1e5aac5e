"""What classifiers of videos cost: the arithmetic that is counted, and the plain form's."""

import json
from dataclasses import replace

import pytest
import torch

from benchmark.__main__ import main
from benchmark.training.video_networks import SIZES, _flop, make, plain_difference

TINY = SIZES["tiny"]


def test_the_last_line_is_json(capsys) -> None:
    flags = ["--size", "tiny", "--rounds", "1"]
    main(["video_networks", *flags, "--networks", "vivit", "mini_vivit", "plain_vivit", "linear"])
    lines = capsys.readouterr().out.splitlines()
    found = json.loads(lines[-1])
    assert list(found) == ["matrix_gflops", "vivit", "mini_vivit", "plain_vivit", "linear"]
    assert sum(line.startswith("| `") for line in lines) == 4
    mini, full = found["mini_vivit"]["parameters"], found["vivit"]["parameters"]
    assert mini < full
    rates = found["vivit"]
    hours = 214_834 / rates["trained_per_second"] / 3600
    assert rates["epoch_hours"] == pytest.approx(hours)


def test_the_arithmetic_of_vit_b_is_the_papers() -> None:
    """284.4 GFLOP of the factorised encoder, 455.2 of Model 1: multiply-adds, all tokens."""
    size = replace(SIZES["base"], clips=1)
    with torch.device("meta"):
        network, given = make("plain_vivit", size)
        count = _flop(network, lambda: network(*given))
    assert count / 2e9 == pytest.approx(284.4, rel=0.01)
    with torch.device("meta"):
        network, given = make("vivit", size)
        less = _flop(network, lambda: network(*given))
    assert 0.9 * count < less < 0.95 * count, "the last block computes one token"


def test_a_plain_form_that_says_something_else_is_noticed(monkeypatch) -> None:
    assert plain_difference(TINY) < 1e-5
    monkeypatch.setattr(torch.Tensor, "softmax", lambda self, dim: self)
    with pytest.raises(AssertionError, match="says something else"):
        plain_difference(TINY)
