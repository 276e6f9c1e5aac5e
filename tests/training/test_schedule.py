import pytest

from training.schedule import learning_rate


@pytest.mark.parametrize(
    ("schedule", "epoch", "expected"),
    [
        ("constant", 24, 1.0),
        ("halve", 9.99, 1.0),
        ("halve", 10, 0.5),
        ("halve", 20, 0.25),
        ("cosine", 0, 1.0),
        ("cosine", 10, 0.5),
        ("cosine", 20, 0.0),
        ("cosine", 25, 0.0),
    ],
)
def test_rates(schedule, epoch: float, expected: float) -> None:
    rate = learning_rate(schedule, lr=1.0, epoch=epoch, epochs=20, halve_every=10)
    assert rate == pytest.approx(expected, abs=1e-12)
