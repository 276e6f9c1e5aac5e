"""Options of `python -m library index`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """A folder of videos -> a library that can be searched; given again, it is kept up to date.

    Args:
        folder: of the videos, sub-folders included
        captions: run that captions each video, for full text; its features are the embedder's
        actions: run that names what is done in each video; the same
        tag: tags of every file of the folder, for --where tag:x
        appearance_weights: file of the appearance backbone's weights, if it lies elsewhere now
        motion_weights: the same of the motion backbone
        workers: processes that decode; 0 takes one per core, at most 16
        threads: videos in the networks at the same time; 0 takes one per core, at most 8
        time_limit: seconds for decoding one video, before it is set aside
        extracted: folder of appearance.h5 (and motion.h5, where the embedder needs it) made by
            preprocess.videos or preprocess.cluster: videos that it has, told by the SHA-256 of
            their files, are not decoded
        thumbnails: make the pictures that clips lack, as where --extracted has the features: such
            videos are decoded once; false leaves them to a later index
        batch: videos of one feature store; they are extracted together, then indexed
        retry: try files again that could not be read
        watch: go on, and index what comes, until it is stopped
        every: seconds from one look at the folder to the next, with --watch
    """

    folder: str
    captions: str | None = None
    actions: str | None = None
    tag: tuple[str, ...] = ()
    appearance_weights: str | None = None
    motion_weights: str | None = None
    workers: int = 0
    threads: int = 0
    time_limit: float = 300.0
    extracted: str | None = None
    thumbnails: bool = True
    batch: int = 256
    retry: bool = False
    watch: bool = False
    every: float = 10.0

    def __post_init__(self) -> None:
        """Numbers that there are."""
        for name, least in {"workers": 0, "threads": 0, "batch": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least {least}")
        for name in ("time_limit", "every"):
            if not 0 < getattr(self, name) < 1e9:
                raise ValueError(f"--{name} {getattr(self, name):g}: give seconds above 0")
        if self.every != IndexOptions.every and not self.watch:
            raise ValueError(f"--every {self.every:g}: is for --watch; add it, or leave this out")
        if any(not tag.strip() for tag in self.tag):
            raise ValueError("--tag: one is empty; give a word, or leave it out")
