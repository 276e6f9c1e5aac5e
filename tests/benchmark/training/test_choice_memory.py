"""Multiple choice against each candidate's own copy of its video: the same model, less memory."""

from dataclasses import replace

import pytest

from benchmark.training import choice_memory
from benchmark.training.sizes import SIZES, make_task
from training.memory import saved_bytes


def test_both_forms_are_the_same_model(monkeypatch) -> None:
    assert choice_memory.check_equal("tiny", 3) < 1e-4
    shuffled = choice_memory.repeated

    def another_video(batch):
        found = shuffled(batch)
        return replace(found, visual=found.visual._each(flipped))

    def flipped(values):
        return values.flip(0)

    monkeypatch.setattr(choice_memory, "repeated", another_video)
    with pytest.raises(AssertionError, match="nothing was measured"):
        choice_memory.check_equal("tiny", 3)


def test_the_way_back_needs_less_where_videos_are_encoded_once() -> None:
    batch = choice_memory.make_batch("demo", 8, 5, 1)
    task = make_task(SIZES["demo"], dropout=True, kind="choice").train()
    kept = []
    for module, given in (
        (task, batch),
        (choice_memory.Plain(task), choice_memory.repeated(batch)),
    ):
        with saved_bytes(task) as counter:
            module(given)
        kept.append(counter[0])
    assert kept[1] > 1.3 * kept[0]
    parts = choice_memory.kept_by_part("demo", 5)
    assert set(parts) == {"text", "video", "graphs", "fusion, read-out, head"}
    assert all(size > 0 for size in parts.values())


def test_candidates_read_by_themselves_keep_less() -> None:
    batch = choice_memory.make_batch("demo", 8, 5, 1)
    kept = []
    for form in ("cross", "bi"):
        task = make_task(SIZES["demo"], dropout=True, kind="choice", candidate_encoder=form).train()
        with saved_bytes(task) as counter:
            task(batch)
        kept.append(counter[0])
    assert kept[0] > 1.5 * kept[1]
    assert callable(choice_memory.one_step("bi", "demo", 8, 5, 1))
