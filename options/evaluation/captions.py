"""What an evaluation of captions looks at."""

from dataclasses import dataclass
from typing import Literal

from options.data import FeaturesIn, Video


@dataclass(frozen=True, kw_only=True)
class CaptionFileOptions:
    """Captions of any model, beside what they must be judged by.

    Args:
        predictions: captions as JSON: [{"image_id" or "video_id", "caption"}], {id: caption},
            ActivityNet's {"version", "results", "external_data"}; or text, a caption a line (.txt)
        references: caption file (.pt), JSON of COCO, MSRVTT or {id: [captions]}; text files, a line
            a segment in each; with --protocol activitynet val_1.json val_2.json or the like
        protocol: coco scores a caption for each segment; activitynet scores sentences with time
            stamps against all that they overlap, at tIoU .3, .5, .7 and .9
        split: split of a caption file or of MSRVTT's JSON; default test
        train: training captions, in a form of --references, for the best constant caption and the
            share of captions that are copied; default those of a caption file or of MSRVTT's JSON
        against: another file of captions of the same segments, to compare with
        seed: seed of the permutation that gives each segment a caption of another video, and of the
            words that stand in for references in --protocol activitynet
        output: JSON of all numbers, with each segment's; default none
    """

    predictions: str
    references: list[str]
    protocol: Literal["coco", "activitynet"] = "coco"
    split: str | None = None
    train: str | None = None
    against: str | None = None
    seed: int = 666
    output: str | None = None

    def __post_init__(self) -> None:
        """Refuse what the protocol has no use for."""
        if not self.references:
            raise ValueError("--references: names no file; give the file with the references")
        if self.protocol == "activitynet" and self.split:
            raise ValueError(
                f"--split {self.split}: the files of --protocol activitynet are a split each; "
                "leave it out"
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")


@dataclass(frozen=True, kw_only=True)
class CaptionRunOptions:
    """One or more captioning runs on one split.

    Args:
        run: folders of runs (results/RUN ...), or packed runs; several are seeds of one captioner:
            their mean and its interval are shown too
        checkpoint: best (by --select_by of the run) or last
        split: split to caption
        video: as the run was trained (default), or real, none (zeros), shuffled
        language_model: folder of the run without video to subtract for the vision gain, or one
            folder for each run; default the one beside each run that was trained alike with
            --video none
        captions: caption file; default the run's
        appearance: feature store of the appearance channel; default the run's
        motion: feature store of the motion channel; default the run's
        clips: store of decoded clips, of runs that train their encoders; default the run's
        features_in: where stored features are held; see train.py
        batch_size: segments at a time
        n_best: captions of each segment in the results JSON, with scores; at most --beam
        meteor: METEOR too, which needs Java (requirements-captions.txt)
        seed: seed of the permutations of --video shuffled and of captions of other videos
        output: results JSON in the official form; default RUN/captions-SPLIT-VIDEO.json, beside
            which are RUN/SPLIT-VIDEO.json, all numbers, and a page of the worst captions
        videos: folders and video files, for frames on that page
        id_map: file of lines `<file stem> vid<id>`, where ids are not the files' stems
        count: captions on that page; 0: no page
        device: where to compute; auto takes a GPU when there is one
    """

    run: list[str]
    checkpoint: Literal["best", "last"] = "best"
    split: str = "test"
    video: Video | None = None
    language_model: tuple[str, ...] = ()
    captions: str | None = None
    appearance: str | None = None
    motion: str | None = None
    clips: str | None = None
    features_in: FeaturesIn = "auto"
    batch_size: int = 64
    n_best: int = 1
    meteor: bool = True
    seed: int = 666
    output: str | None = None
    videos: tuple[str, ...] = ()
    id_map: str | None = None
    count: int = 40
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        if not self.run:
            raise ValueError("--run: names no run; give folders such as results/shapes_captions")
        if self.output and len(self.run) > 1:
            raise ValueError("--output: one file for several runs; leave it out")
        if len(self.language_model) not in (0, 1, len(self.run)):
            raise ValueError(
                f"--language_model: {len(self.language_model)} folders for {len(self.run)} runs; "
                "give one for all of them, or one for each"
            )
        for name in ("batch_size", "n_best"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.count < 0:
            raise ValueError(f"--count {self.count}: must not be negative")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")
