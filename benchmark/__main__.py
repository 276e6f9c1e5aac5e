"""The benchmarks:  python -m benchmark NAME

Each checks first that what it compares computes the same, then measures it in turns in one run, and
prints one JSON object last.
"""

import importlib
import json
from collections.abc import Sequence

from benchmark.arguments import arguments
from util.errors import run_command

MODULES = {  # command -> the module whose `run` does it
    "train_step": "benchmark.training.train_step",
    "epoch": "benchmark.training.epoch",
    "encoders": "benchmark.training.encoders",
    "choice_memory": "benchmark.training.choice_memory",
    "topology": "benchmark.training.topology",
    "video_networks": "benchmark.training.video_networks",
    "inference": "benchmark.inference.split",
    "answer_time": "benchmark.inference.answer_time",
    "page": "benchmark.inference.page",
    "caption_cost": "benchmark.training.caption_cost",
    "caption_search": "benchmark.inference.caption_search",
    "streaming": "benchmark.inference.streaming",
    "extraction": "benchmark.extraction.command",
    "decode": "benchmark.extraction.decode",
    "runtimes": "benchmark.extraction.runtimes",
    "store": "benchmark.extraction.store",
    "mutated": "benchmark.extraction.mutated",
    "neighbour": "benchmark.neighbour",
    "library": "benchmark.library",
    "library_postgres": "benchmark.postgres",
    "captions": "benchmark.captions",
    "gpu": "benchmark.gpu.parts",
    "help_time": "benchmark.help_time",
    "import_graph": "benchmark.import_graph",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one benchmark."""
    options = arguments(__doc__ or "").parse_args(argv)
    # Here and not above: help and a misspelt option shall not wait for torch, and worker processes
    # import this module anew.
    found = importlib.import_module(MODULES[options.name]).run(options)
    if isinstance(found, int):  # an exit code: it has printed all there is
        return found
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    run_command(main)
