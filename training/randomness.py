"""Random state as a function of (seed, step): nothing to save, and validation cannot change it."""

import numpy as np
import torch


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch for one training step (dropout), alike in a run that never stopped.

    Each process draws its own; the first as if it were alone.
    """
    entropy = [seed, step, rank] if rank else [seed, step]
    torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))
