import pytest

from options.train import TrainOptions
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
    options = TrainOptions(run="r", schedule=schedule, lr=1.0, epochs=20, halve_every=10)
    assert learning_rate(options, step=1, epoch=epoch) == pytest.approx(expected, abs=1e-12)
    warm = TrainOptions(
        run="r", schedule=schedule, lr=1.0, epochs=20, halve_every=10, warmup=4
    )  # of each of them
    found = [learning_rate(warm, step=step, epoch=epoch) for step in (1, 2, 4, 5)]
    assert found == pytest.approx([share * expected for share in (0.25, 0.5, 1, 1)], abs=1e-12)


def test_noam() -> None:
    """Highest at the end of the warm-up, where both of its lines meet."""
    options = TrainOptions(run="r", schedule="noam", lr=1.0, warmup=1000, noam_width=512)
    rates = [learning_rate(options, step=step, epoch=0) for step in range(1, 5001)]
    assert rates.index(max(rates)) + 1 == 1000
    assert rates[999] == pytest.approx(1.3975e-3, abs=5e-8)
    assert rates[499] == pytest.approx(rates[999] / 2)
    assert rates[3999] == pytest.approx(rates[999] / 2)
    wide = TrainOptions(run="r", schedule="noam", lr=3.0, warmup=1000, noam_width=2048)
    assert learning_rate(wide, step=7, epoch=0) == pytest.approx(1.5 * rates[6])


def test_noam_without_warm_up_is_refused() -> None:
    with pytest.raises(ValueError, match="--schedule noam: rises for --warmup steps; give them"):
        TrainOptions(run="r", schedule="noam")
