"""How OpenMP's threads wait for each other: set on import, before anything loads torch.

The threads of one operator spin while they wait, by default for about a millisecond.  Beside a
busy process a spinning thread keeps the core from the one that all wait for: a training step on two
cores then takes nine times as long instead of twice.  A shorter spin costs an idle machine next to
nothing (benchmark/neighbour.py).  libgomp reads this once, when torch loads it; what the user has
set stays.
"""

import os

SPINS = "1000"  # turns of the loop, some microseconds; 300,000 by default

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
