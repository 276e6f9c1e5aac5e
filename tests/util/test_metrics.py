import pytest
import torch

from util.grouped import Grouped
from util.metrics import Running, accuracy


def test_accuracy_by_type_and_in_total() -> None:
    found = accuracy([True, False, True, True], ["what", "what", "who", "what"])
    assert found == Grouped(3 / 4, {"what": 2 / 3, "who": 1.0})


def test_running_means_reset_when_read_and_survive_a_checkpoint() -> None:
    def fresh() -> Running:
        return Running(["loss"], ["what", "who", "what"], torch.device("cpu"))

    first, second = fresh(), fresh()
    first.add(1, {"loss": torch.tensor(2.0)}, torch.tensor([True, False]), torch.tensor([0, 1]))
    second.load(first.state())
    second.add(2, {"loss": torch.tensor(4.0)}, torch.tensor([False]), torch.tensor([2]))
    assert second.read_losses() == {"loss": 3.0}
    assert second.read_accuracy() == Grouped(pytest.approx(1 / 3), {"what": 0.5, "who": 0.0})
    second.add(2, {"loss": torch.tensor(7.0)}, torch.tensor([True]), torch.tensor([1]))
    assert second.read_losses() == {"loss": 7.0}
    assert second.read_accuracy() == Grouped(1.0, {"who": 1.0})


def test_the_first_step_without_a_number_is_remembered() -> None:
    running = Running(["loss"], [], torch.device("cpu"))
    for step, loss in enumerate((1.0, float("nan"), 2.0, float("inf")), 1):
        running.add(step, {"loss": torch.tensor(loss)}, None, torch.tensor([0]))
        assert running.first_bad_step() == (None if step == 1 else 2)
    assert running.read_accuracy() is None
