"""Options that classification, or a file of labels, does not have."""

from data_loader.label.labels import Labels
from options.task import ClassificationRunOptions
from util.errors import UserError


def refuse_needless(options: ClassificationRunOptions, labels: Labels) -> None:
    """Raise UserError for an option that this task, or this file, does not have."""
    data, classification, train = options.data, options.classification, options.train
    network = classification.network
    if train.cuda_graph:
        raise UserError("--cuda_graph: is for questions on stored features; leave it out")
    if train.questions_per_video != 1:
        raise UserError("--questions_per_video: a video has one label; leave it out")
    both = data.clips or data.motion or data.motion_from != "store" or data.video == "none"
    if network == "relation" and (data.channels != "both" or not both):
        raise UserError(
            "--network relation: relates two channels; give --motion, --motion_from, or "
            "--clips, and leave --channels out"
        )
    if labels.kind == "value":
        if network != "rnn":
            raise UserError(
                f"--network {network}: {data.labels} has a value at each time, which rnn "
                "alone tells; give --network rnn"
            )
        if classification.clips_as == "views":
            raise UserError("--clips_as views: values are told over a whole video; leave it out")
        if classification.label_smoothing:
            raise UserError("--label_smoothing: values have no classes; leave it out")
