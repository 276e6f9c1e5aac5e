"""Some searches of a validation split, to look at while a run trains."""

from data_loader.caption.captions import CaptionSplit
from inference.retrieval.split import SplitEmbeddings
from util.tensorboard import RunLog

SAMPLES = 12


def show_found(log: RunLog, step: int, *, split: CaptionSplit, found: SplitEmbeddings) -> None:
    """Some captions in TensorBoard: where their video stands, and what stands first."""
    rank = found.ranks()[0]
    rows = []
    for i in range(0, len(split.texts), max(1, len(split.texts) // SAMPLES))[:SAMPLES]:
        own = int(found.segment[i])
        first = int((found.videos @ found.texts[i]).argmax())
        rows.append(
            [
                split.texts[i],
                split.ids[own],
                f"{rank[i].item():g}",
                split.ids[first],
                (split.references(first) or ("",))[0],
            ]
        )
    header = ["caption", "its video", "rank", "found first", "a caption of that"]
    log.table(step, "val/searches", header, rows)
