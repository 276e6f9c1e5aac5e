"""The packed captioner of the project, without the backbone that sees for it."""

import torch

from data_loader.batch import Features
from inference.caption.split import find_captions, texts
from inference.run import open_run
from inference.run_files import default_run
from model.task.captioning import Captioning
from options.caption import SearchOptions


def test_the_captioner_that_comes_with_the_project() -> None:
    """Of made-up features, which need no backbone: sentences that depend on them, alike anew."""
    path = default_run("captioning")
    assert path.stat().st_size < 8e6 and (path.parent / "CARD.md").is_file()
    run = open_run(path, Captioning, device="cpu")
    assert run.stores["appearance"].provenance.feature_key()["backbone"] == "efficientnet_lite2"
    mean = run.task.model.inputs.appearance_norm.mean
    noise = torch.randn(12, 1, 1, len(mean), generator=torch.Generator().manual_seed(0))
    visual = Features(
        appearance=(mean + noise).expand(-1, 8, 4, -1),
        motion=torch.zeros(12, 8, 0),
        clip_mask=torch.ones(12, 8, dtype=torch.bool),
    )
    found = find_captions(run.task, visual, SearchOptions(), n_best=2)
    said = texts(run.task, found)
    assert len(set(said)) > 2 and all(3 <= len(text.split()) <= 30 for text in said)
    assert all(one.score >= other.score for one, other in found)
    assert texts(run.task, find_captions(run.task, visual, SearchOptions(), n_best=1)) == said
