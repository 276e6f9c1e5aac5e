"""The packed embedding of the project, without the backbone that sees for it."""

import numpy as np
import torch

from data_loader.batch import Features
from inference.retrieval.embedder import Embedder
from inference.run_files import default_run


def test_the_embedding_that_comes_with_the_project() -> None:
    """Texts that mean nearly the same are nearer than others; made-up videos differ."""
    path = default_run("retrieval")
    assert path.stat().st_size < 2e6 and (path.parent / "CARD.md").is_file()
    embedder = Embedder(device="cpu")
    assert embedder.run.path == path and embedder.width == 256
    assert (
        embedder.stores["appearance"].provenance.feature_key()["backbone"] == "efficientnet_lite2"
    )
    assert embedder.fingerprint == Embedder(device="cpu").fingerprint

    same = [("a man plays a guitar", "someone is playing the guitar"),
            ("a woman slices an onion", "a lady is cutting onions"),
            ("a dog runs", "a puppy is running")]  # fmt: skip
    one, other = (np.stack([embedder.text(pair[i]) for pair in same]) for i in (0, 1))
    alike = one @ other.T
    assert (alike.argmax(1) == np.arange(3)).all() and (alike.argmax(0) == np.arange(3)).all()
    assert alike.diagonal().min() > 0.6

    mean = embedder.run.task.clip_encoder.inputs.appearance_norm.mean
    noise = torch.randn(4, 1, 1, len(mean), generator=torch.Generator().manual_seed(0))
    visual = Features(
        appearance=(mean + noise).expand(-1, 8, 4, -1),
        motion=torch.zeros(4, 8, 0),
        clip_mask=torch.ones(4, 8, dtype=torch.bool),
    )
    clips, videos = embedder.clips(visual)
    assert clips.shape == (4, 8, 256) and videos.shape == (4, 256)
    np.testing.assert_allclose(np.linalg.norm(videos, axis=1), 1, atol=1e-5)
    assert (videos @ videos.T)[~np.eye(4, dtype=bool)].max() < 0.99
