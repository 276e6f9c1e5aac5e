"""What an evaluation looks at: one option class for each subcommand of evaluate.py."""

import os
from dataclasses import dataclass, replace
from typing import Literal

from options.data import FeaturesIn, Video
from options.preprocess.questions import Task

Channel = Literal["appearance", "motion"]
Protocol = Literal["full", "answerable", "union-vocabulary"]


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """The split and how it is read.

    Args:
        split: split to answer
        seed: seed of the permutation of --video shuffled
        questions: question file; default the run's
        appearance: feature store of the appearance channel; default the run's
        motion: feature store of the motion channel; default the run's
        clips: store of decoded clips, of runs that train their encoders; default the run's
        missing: answer without this channel, of a run that was trained with both; its feature store
            is not read (that of motion need not be there)
        fill: what takes its place: zeros as features, or its clips as the run's networks rebuild
            them from the other channel's (train.py qa --rebuild)
        features_in: where stored features are held; see train.py
        batch_size: questions at a time
        device: where to compute; auto takes a GPU when there is one
    """

    split: str = "test"
    seed: int = 666
    questions: str | None = None
    appearance: str | None = None
    motion: str | None = None
    clips: str | None = None
    missing: Channel | None = None
    fill: Literal["zeros", "rebuilt"] = "zeros"
    features_in: FeaturesIn = "auto"
    batch_size: int = 512
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        if self.batch_size < 1:
            raise ValueError(f"--batch_size {self.batch_size}: must be at least 1")
        if self.missing and getattr(self, self.missing):
            raise ValueError(
                f"--missing {self.missing}: and --{self.missing} names one; leave out one"
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")

    def shown(self, video: Video) -> str:
        """What a run is shown, in one word that file names have: real, real-no-motion-zeros, ..."""
        if self.missing is None or video == "none":
            return video
        return f"{video}-no-{self.missing}-{self.fill}"


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """One or more runs on one split.

    Args:
        run: folders of runs (results/RUN ...), or packed runs (python -m inference.pack)
        checkpoint: best (by validation accuracy) or last
        video: as the run was trained (default), or real, none (zeros), shuffled (each question
            is asked of another video of the split, by a fixed permutation)
        ensemble: also score the mean of the runs' probabilities, or of the values of counts, as one
            model
        question_only: folder of the run to subtract for the vision gain, or one folder for each
            run; default the one beside each run that was trained alike with --video none
        protocol: full counts every question; answerable drops those whose answer is no class;
            union-vocabulary is for runs whose classes include the answers of validation and test.
            The last two only to compare with papers that did so
        output: predictions JSON; default RUN/SPLIT-VIDEO.json; of a packed run RUN is
            results/NAME-packed, here and below; of an ensemble RUN+RUN+RUN, beside its first run
        plots: pictures in RUN/plots and TensorBoard
    """

    run: list[str]
    checkpoint: Literal["best", "last"] = "best"
    video: Video | None = None
    ensemble: bool = False
    question_only: tuple[str, ...] = ()
    protocol: Protocol = "full"
    output: str | None = None
    plots: bool = True

    def __post_init__(self) -> None:
        """One file cannot hold several runs, and one run is no ensemble."""
        if not self.run:
            raise ValueError("--run: names no run; give folders such as results/shapes")
        if self.output and len(self.run) > 1 and not self.ensemble:
            raise ValueError("--output: one file for several runs; leave it out")
        if len(self.question_only) not in (0, 1, len(self.run)):
            raise ValueError(
                f"--question_only: {len(self.question_only)} folders for {len(self.run)} runs; "
                "give one for all of them, or one for each"
            )
        if self.ensemble and len({os.path.normpath(run) for run in self.run}) < len(self.run):
            raise ValueError("--ensemble: a run is named twice; name each once")
        if self.ensemble and len(self.run) < 2:
            raise ValueError("--ensemble: of one run; name two or more")

    def alone(self, number: int) -> "ScoreOptions":
        """The options of one of the runs, by its place in --run."""
        own = self.question_only[number : number + 1] if len(self.question_only) > 1 else None
        return replace(
            self,
            run=[self.run[number]],
            ensemble=False,
            question_only=self.question_only if own is None else own,
            output=None if self.ensemble else self.output,
        )


@dataclass(frozen=True, kw_only=True)
class BaselineOptions:
    """What can be said of a split before any model: from annotations or from a question file.

    Args:
        dataset: data set whose annotations are read (with --annotations)
        annotations: folder (own: or file) with the annotations
        task: with --annotations, which questions of a data set that has several kinds; see
            preprocess.questions
        questions: question file to read instead
        split: split to look at
        protocol: full counts every question; answerable drops those whose answer is no class;
            union-vocabulary takes the answers of all splits as classes
        top_answers: number of answers, the commonest, that are classes (with --annotations)
    """

    dataset: str | None = None
    annotations: str | None = None
    task: Task | None = None
    questions: str | None = None
    split: str = "test"
    protocol: Protocol = "full"
    top_answers: int = 4000

    def __post_init__(self) -> None:
        """One source, not two and not none."""
        raw = self.dataset is not None and self.annotations is not None
        if raw == (self.questions is not None) or (self.dataset is None) != (
            self.annotations is None
        ):
            raise ValueError("give --dataset and --annotations, or --questions, and not both")
        if self.task is not None and not raw:
            raise ValueError(f"--task {self.task}: a question file has one; leave it out")
        if self.top_answers < 1:
            raise ValueError(f"--top_answers {self.top_answers}: must be at least 1")


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Runs or predictions on the same questions, each against the first.

    Args:
        runs: folders of scored runs (results/RUN) or predictions files: JSON of this project, or
            of any other: {question id: answer}, or a list of {"id", "answer"}; an answer is a text,
            of multiple choice also the place of the choice, counted from 0, of counts a number.
            Names joined by commas are seeds of one model: their mean is compared, over questions
            and over seeds
        split: split that was answered
        questions: question file with the true answers; needed where no file of this project is
            among the runs
        normalise: beside exact match, count answers in a frozen normal form (articles, plurals,
            number words), and those that are no class of --questions as the nearest class
        output: JSON of the comparison with every flipped question; default none
        show: flipped questions to print
    """

    runs: list[str]
    split: str = "test"
    questions: str | None = None
    normalise: bool = False
    output: str | None = None
    show: int = 5

    def __post_init__(self) -> None:
        """A comparison needs two."""
        if len(self.runs) < 2:
            raise ValueError(f"compare: {len(self.runs)} given; name two or more runs or files")
        if self.show < 0:
            raise ValueError(f"--show {self.show}: must not be negative")
        if self.normalise and self.questions is None:
            raise ValueError("--normalise: needs --questions, the file whose answers are classes")


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """The tables of results/README.md.

    Args:
        tables: file that says which runs make up which rows
        readme: file whose tables are written anew
        results: folder of the runs
    """

    tables: str = "results/tables.yaml"
    readme: str = "results/README.md"
    results: str = "results"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """A page of failures.

    Args:
        run: folder of the run (results/RUN), or a packed run
        checkpoint: best (by validation accuracy) or last
        videos: folders and video files, for frames of the clips
        id_map: file of lines `<file stem> vid<id>`, where ids are not the files' stems
        count: failures on the page
        type: only questions of this type
        output: page to write; default RUN/SPLIT-failures.html
    """

    run: str
    checkpoint: Literal["best", "last"] = "best"
    videos: tuple[str, ...] = ()
    id_map: str | None = None
    count: int = 40
    type: str | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        """Refuse an empty page."""
        if self.count < 1:
            raise ValueError(f"--count {self.count}: must be at least 1")


@dataclass(frozen=True, kw_only=True)
class ReconstructionOptions:
    """How well an autoencoder rebuilds the clips of a split.

    Args:
        run: folder of the run (results/RUN)
        checkpoint: best (by validation) or last
        split: split of the question file whose videos are rebuilt; a run without questions rebuilds
            the videos that it validated on
        questions: question file; default the run's
        clips: store of decoded clips; default the run's
        samples: videos in the picture
        batch_size: videos at a time
        device: where to compute; auto takes a GPU when there is one
    """

    run: str
    checkpoint: Literal["best", "last"] = "best"
    split: str = "test"
    questions: str | None = None
    clips: str | None = None
    samples: int = 4
    batch_size: int = 16
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse an empty batch and an empty picture."""
        for name in ("samples", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")


@dataclass(frozen=True, kw_only=True)
class CurveOptions:
    """Logged numbers of several runs over their steps, as one picture.

    Args:
        run: folders of runs, each a line; folders joined by commas are seeds of one line, drawn
            as their mean and their range.  A run that started from an autoencoder begins where that
            one ended
        scalar: what to draw, such as val/accuracy, or val/accuracy/what of a type
        output: PNG file to write
        label: names of the lines; default the folders'
        title: heading of the picture
        epochs: mark where epochs begin, and draw beside each line its running mean since the epoch
            began (what many training logs show)
    """

    run: list[str]
    scalar: str = "val/accuracy"
    output: str = "curves.png"
    label: tuple[str, ...] = ()
    title: str = ""
    epochs: bool = False

    def __post_init__(self) -> None:
        """One name a line."""
        if not self.run:
            raise ValueError("--run: names no run; give folders such as results/shapes")
        if self.label and len(self.label) != len(self.run):
            raise ValueError(f"--label: {len(self.label)} names for {len(self.run)} lines")
