"""Random state as a function of (seed, step): nothing to save, validation cannot disturb it."""

import numpy as np
import torch


def seed_step(seed: int, step: int) -> None:
    """Seed torch for one training step (dropout), alike in a run that never stopped."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]))
