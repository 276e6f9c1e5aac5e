"""Some validation questions in TensorBoard, while a run trains."""

from collections.abc import Sequence

from data_loader.dataset import QaData
from model.task.qa import Predictions
from util.clip_plots import clip_weights
from util.tensorboard import NoLog, RunLog

SAMPLES = 12


def show_samples(
    log: RunLog | NoLog, step: int, data: QaData, found: Predictions, answers: Sequence[str]
) -> None:
    """Some validation questions in TensorBoard: asked, answered, and which clips counted."""
    split = data.split
    picked = range(0, len(split.texts), max(1, len(split.texts) // SAMPLES))[:SAMPLES]
    rows = [
        [
            split.videos[i],
            split.texts[i],
            split.answer_texts[i],
            answers[int(found.top[i, 0])],
            f"{found.probability[i, 0]:.2f}",
            "right" if found.correct[i] else "wrong",
        ]
        for i in picked
    ]
    header = ["video", "question", "true answer", "predicted", "probability", ""]
    log.table(step, "val/samples", header, rows)
    at = list(picked)
    figure = clip_weights(
        [split.texts[i] for i in at], found.punishment[at].numpy(), found.readout[at].numpy()
    )
    log.figure(step, "val/clip weights", figure)
