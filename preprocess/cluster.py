"""`python -m preprocess.cluster`: what `preprocess.videos` does, on all machines of a Ray cluster.

Ray Data takes the videos that are missing through two stages (`preprocess.extraction.ray_stages`):
tasks that decode, on any core, and actors that hold the networks, on GPUs where there are, and
write parts of the stores into the shared folder.  Going on, failed videos and merge are those of
`preprocess.videos`; so is the store, byte for byte in its data sets.
"""

from collections.abc import Sequence
from functools import partial

from options.parse import parse
from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import VideoOptions
from util.errors import run_command

PROG = "python -m preprocess.cluster"
ABOUT = "Video files -> feature or clip stores, on a Ray cluster."


def main(argv: Sequence[str] | None = None) -> int:
    """Extract; 0: every video is stored, 1: some have failed, 2 (UserError): no store."""
    options, cluster = parse(PROG, ABOUT, [VideoOptions, ClusterOptions], argv)
    # Here and not above: help, a misspelt option and a missing Ray shall not wait for torch.
    from preprocess.extraction.ray_driver import require_ray

    require_ray()
    from preprocess.extraction.extract import extract
    from preprocess.extraction.ray_extract import extract_on_cluster

    return extract(options, partial(extract_on_cluster, cluster=cluster))


if __name__ == "__main__":
    run_command(main)
