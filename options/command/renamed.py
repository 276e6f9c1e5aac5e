"""Commands of earlier versions answer with their new names."""

import sys

RENAMED = {
    "preprocess.dataset.shapes": "preprocess.shapes",
    "preprocess.imported": "preprocess.import_features",
    "preprocess.streaming": "preprocess.stream",
    "preprocess.backbone_list": "preprocess.backbones",
    **{
        f"benchmark.{name}": f"benchmark {name}"
        for name in (
            "decode", "encoders", "epoch", "extraction", "gpu", "inference", "mutated",
            "neighbour", "runtimes", "store", "topology", "train_step",
        )
    },
}  # fmt: skip


def answer_old_name() -> None:
    """End a command that was started under its old name: one line, exit code 2.

    Called by the packages that such a command would be looked for in, when they are imported.
    """
    words = sys.orig_argv
    if sys.argv[:1] == ["-m"] and "-m" in words:  # Python still looks for the module
        name = words[words.index("-m") + 1]
        if name in RENAMED:
            print(f"error: `python -m {name}` is `python -m {RENAMED[name]}` now", file=sys.stderr)
            sys.exit(2)
