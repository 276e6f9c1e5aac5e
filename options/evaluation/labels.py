"""What an evaluation of classifiers looks at."""

from dataclasses import dataclass
from typing import Literal

from options.data import FeaturesIn, Video

# Rows of other runs, and what these must have been trained with; None: with anything.
ROWS: dict[str, tuple[str, str] | None] = {
    "middle": ("frames", "middle"),
    "shuffled": ("frames", "shuffled"),
    "linear": ("network", "linear"),
    "no_video": ("video", "none"),
    "shuffled_video": ("video", "shuffled"),
    "other": None,
}


@dataclass(frozen=True, kw_only=True)
class LabelRunOptions:
    """Runs of one classifier on one split, beside what it must be judged by.

    Args:
        run: folders of runs (results/RUN ...), packed runs, or predictions files; runs of one seed
            are folds, whose rows are pooled; runs of other seeds are shown as their mean
        checkpoint: best (by validation) or last
        split: split to evaluate on, of a run of a fold too (test is the fold itself)
        video: as each run was trained (default), or real, none (zeros), shuffled
        frames: as each run was trained (default), or real; middle: each video's middle frame
            alone; shuffled: its frames in an order drawn for each video
        middle: runs trained with --frames middle, in place of the same model shown middle frames
        shuffled: runs trained with --frames shuffled, in place of the same model shown such
        linear: runs of --network linear, the row to beat
        no_video: runs trained with --video none
        shuffled_video: runs trained with --video shuffled
        other: runs of another network on the same videos, such as a teacher, to compare with
        same_model: also show each run the middle frame, and shuffled frames, where no runs are
            named for these rows
        resample: what intervals draw: groups of the label file (a subject, a film), which are the
            videos where it has none; or videos
        crops: 3: the mean over the left, centre and right square of each frame, of runs on clips
            that see squares smaller than these (--crop)
        calibrate: fit a temperature on each run's validation rows
        labels: label file; default the run's
        appearance: feature store of the appearance channel; default the run's
        motion: feature store of the motion channel; default the run's
        clips: store of decoded clips, of runs that train their encoders; default the run's
        features_in: where stored features are held; see train.py
        batch_size: videos at a time
        seed: seed of shuffled videos and frames
        output: results JSON with every row; default RUN/SPLIT-VIDEO.json; of several runs
            results/NAME-pooled/SPLIT-VIDEO.json, where NAME is what their names begin with
        videos: folders and video files, for frames on the page
        id_map: file of lines `<file stem> vid<id>`, where ids are not the files' stems
        count: rows on the page of what was told worst; 0: no page
        plots: pictures beside the results
        device: where to compute; auto takes a GPU when there is one
    """

    run: list[str]
    checkpoint: Literal["best", "last"] = "best"
    split: str = "test"
    video: Video | None = None
    frames: Literal["real", "middle", "shuffled"] | None = None
    middle: tuple[str, ...] = ()
    shuffled: tuple[str, ...] = ()
    linear: tuple[str, ...] = ()
    no_video: tuple[str, ...] = ()
    shuffled_video: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    same_model: bool = True
    resample: Literal["groups", "videos"] = "groups"
    crops: int = 1
    calibrate: bool = True
    labels: str | None = None
    appearance: str | None = None
    motion: str | None = None
    clips: str | None = None
    features_in: FeaturesIn = "auto"
    batch_size: int = 64
    seed: int = 666
    output: str | None = None
    videos: tuple[str, ...] = ()
    id_map: str | None = None
    count: int = 40
    plots: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        if self.crops not in (1, 3):
            raise ValueError(
                f"--crops {self.crops}: give 1 (the centre) or 3 (left, centre, right)"
            )
        if not self.run:
            raise ValueError("--run: names no run; give folders such as results/shapes_actions")
        if self.batch_size < 1:
            raise ValueError(f"--batch_size {self.batch_size}: must be at least 1")
        if self.count < 0:
            raise ValueError(f"--count {self.count}: must not be negative")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")

    def of_row(self, name: str) -> tuple[str, ...]:
        """The runs of a row of `ROWS`."""
        return getattr(self, name)
