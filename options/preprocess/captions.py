"""Options of `python -m preprocess.captions`."""

from dataclasses import dataclass
from typing import Literal

MAPPED = ("msvd", "msrvtt")  # data sets whose clip names --id_map turns into ids


@dataclass(frozen=True, kw_only=True)
class CaptionOptions:
    """Which annotations become which caption file, or are checked.

    Args:
        dataset: Format of the annotations (msvd, activitynet_captions, msrvtt, own, shapes).
        annotations: Folder with the annotation files, or the file itself where there is one.
        output: Caption file to write (.pt).
        split_ids: Of msvd, its clips of each split by number; caption (1-1200, 1201-1300,
            1301-1970; what is taken if not given) or qa (1-1200, 1201-1450, 1451-1970).
        id_map: File of lines `<clip name> vid<id>`, as for preprocess.videos; msvd needs it, of
            msrvtt it makes 7010 of video7010; with --videos it names the files.
        videos_in: Feature stores (A.h5 B.h5 ...); only segments of videos in all are kept.
        min_count: How often training captions must have a word; a rarer one becomes <UNK>.
        glove: Word vectors; a GloVe text file, the word package (GloVe 6B of 50 numbers, complete,
            of requirements-pretrained.txt), or gensim:NAME, which gensim downloads; without it the
            file has none.
        check: Write nothing; compare annotations, --videos and --videos_in, and list what is wrong.
        videos: With --check, folders and video files that the captions are about.
    """

    dataset: str
    annotations: str
    output: str | None = None
    split_ids: Literal["caption", "qa"] | None = None
    id_map: str | None = None
    videos_in: tuple[str, ...] = ()
    min_count: int = 1
    glove: str | None = None
    check: bool = False
    videos: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.min_count < 1:
            raise ValueError(f"--min_count {self.min_count}: must be at least 1")
        if self.output is None and not self.check:
            raise ValueError("--output: not given; name the caption file to write")
        if self.videos and not self.check:
            raise ValueError("--videos: only --check looks at video files; add --check")
        if self.split_ids is not None and self.dataset != "msvd":
            raise ValueError(
                f"--split_ids {self.split_ids}: only msvd is cut by numbers; leave it out"
            )
        if self.id_map is not None and self.dataset not in MAPPED and not self.videos:
            raise ValueError(
                f"--id_map {self.id_map}: turns names of {' and '.join(MAPPED)} into ids, and "
                f"names the files of --videos; {self.dataset} without --videos has no use for it"
            )
