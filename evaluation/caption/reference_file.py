"""What captions are scored against: references of segments, of this project or of any other.

Read are the caption file (`preprocess.captions`), COCO's {"images", "annotations"}, MSRVTT's
{"videos", "sentences"}, an object {id: [captions]}, ActivityNet Captions' {video: {"timestamps",
"sentences"}} (each sentence a segment of its own), and text files, a line a segment in each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_loader.caption.captions import Captions, CaptionSplit, load_captions
from evaluation.caption.json_file import identity, read_json, sentence, shown
from evaluation.caption.results_file import lines
from util.errors import UserError
from util.text import clipped
from util.text_metrics.ptb_tokens import tokenize

FORMS = (
    'references are a caption file (.pt), {"images": .., "annotations": [{"image_id", "caption"}]},'
    ' {"videos": .., "sentences": [{"video_id", "caption"}]}, {ID: ["TEXT", ..]}, or text files'
)


@dataclass(frozen=True, kw_only=True)
class ReferenceSet:
    """The N segments of a split and their references."""

    # what they are, in every metric's name: the split and how it was cut, or the files
    name: str
    # N
    ids: tuple[str, ...]
    # N, the video of each
    videos: tuple[str, ...]
    # N, one or more each
    captions: tuple[tuple[str, ...], ...]
    # those of the training segments, where they are known
    training: tuple[tuple[str, ...], ...] | None = None


def read_references(paths: Sequence[str], split: str | None, train: str | None) -> ReferenceSet:
    """The references of a split, and those of training from the same file or from `train`.

    Raises UserError: a file that is not there or of no known form, several that are not text, a
    split that the file does not have, a segment without references, references without a word.
    """
    first = Path(paths[0])
    if len(paths) > 1 and first.suffix != ".txt":
        raise UserError(
            f"--references {' '.join(paths)}: several files are of --protocol activitynet, or text "
            "files with a line a segment; name one"
        )
    if first.suffix == ".pt":
        found = of_caption_file(load_captions(first), split or "test")
    elif first.suffix == ".txt":
        found = _of_text([Path(path) for path in paths])
    else:
        found = _of_json(first, split)
    if split and first.suffix != ".pt" and found.name != split:
        raise UserError(f"--split {split}: {first} has no splits; leave it out")
    if train is not None:
        if found.training is not None:
            raise UserError(f"--train {train}: {first} has the training captions; leave it out")
        training = tuple(read_training(train))
        found = ReferenceSet(**{**vars(found), "training": training})
    _check(found, first)
    return found


def read_training(path: str) -> tuple[tuple[str, ...], ...]:
    """The references of training segments, of a file of their own."""
    if path.endswith((".pt", ".txt")):
        return read_references([path], "train" if path.endswith(".pt") else None, None).captions
    return _of_json(Path(path), None).captions


def of_caption_file(captions: Captions, split: str) -> ReferenceSet:
    """A split of a caption file, with the training captions."""
    cut = f" ({captions.split_ids} ids)" if captions.split_ids else ""
    one, train = captions.split(split, "--split"), captions.splits.get("train")
    return ReferenceSet(
        name=split + cut,
        ids=one.ids,
        videos=one.videos,
        captions=_captions(one),
        training=None if train is None else _captions(train),
    )


def check_split_ids(captions: Captions, *, dataset: str, split_ids: str, run: str) -> None:
    """A run may be scored on the splits that it was trained with only; UserError otherwise.

    Cut otherwise, videos that it trained on or was chosen by are among those that it is tested on
    (of MSVD's clips here 42 are validation in one way and test in the other).
    """
    if (captions.dataset, captions.split_ids) != (dataset, split_ids):
        raise UserError(
            f"{captions.path}: {_cut(captions.dataset, captions.split_ids)}, and {run} was trained "
            f"on {_cut(dataset, split_ids)}; what it saw there would be tested here: score it on a "
            "file of its own splits"
        )


def _cut(dataset: str, split_ids: str) -> str:
    return f"{dataset}, split by {split_ids or 'its own'} ids"


def _captions(split: CaptionSplit) -> tuple[tuple[str, ...], ...]:
    return tuple(split.references(i) for i in range(len(split)))


def _of_text(paths: Sequence[Path]) -> ReferenceSet:
    files = [lines(path) for path in paths]
    for path, found in zip(paths, files, strict=True):
        if len(found) != len(files[0]):
            raise UserError(
                f"{path}: {len(found)} lines, {paths[0]} has {len(files[0])}; every file has one "
                "line for each segment"
            )
    ids = tuple(str(i) for i in range(1, len(files[0]) + 1))
    captions = tuple(zip(*files, strict=True))
    name = " ".join(path.name for path in paths)
    return ReferenceSet(name=name, ids=ids, videos=ids, captions=captions)


def _of_json(path: Path, split: str | None) -> ReferenceSet:
    content = read_json(path, "--references is a file of references; check the path")
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: holds {shown(content)}; {FORMS}")
    if isinstance(content.get("videos"), list) and isinstance(content.get("sentences"), list):
        return _of_msrvtt(path, content, split or "test")
    if isinstance(content.get("annotations"), list):
        found = _gathered(path, content["annotations"], "image_id")
        for image in content.get("images") or []:
            name = identity(image.get("id"), f"{path}: images") if isinstance(image, dict) else "?"
            if name not in found:
                raise UserError(f"{path}: image {shown(name)} has no annotation; take it out")
        return _set(path.name, found)
    if all(isinstance(v, dict) and "sentences" in v for v in content.values()):
        return _of_activitynet(path, content)
    found = {}
    for key, value in content.items():
        entries = value if isinstance(value, list) else [value]
        texts = [e["caption"] if isinstance(e, dict) and "caption" in e else e for e in entries]
        found[key] = [sentence(text, f"{path}: id {shown(key)}") for text in texts]
    return _set(path.name, found)


def _of_msrvtt(path: Path, content: dict[str, Any], split: str) -> ReferenceSet:
    """A split of MSRVTT's file, in which every video says its own."""
    videos = [video for video in content["videos"] if isinstance(video, dict)]
    of = {str(video.get("video_id")): str(video.get("split")) for video in videos}
    names = {"val": "validate"}
    wanted = names.get(split, split)
    if wanted not in of.values():
        there = ", ".join(sorted(set(of.values())))
        raise UserError(f"--split {split}: {path} has {clipped(there, 60)}; name one")
    found = _gathered(path, content["sentences"], "video_id")

    def part(name: str) -> dict[str, list[str]]:
        return {video: found.get(video, []) for video, s in of.items() if s == name}

    training = tuple(tuple(c) for c in part("train").values()) or None
    return ReferenceSet(**{**vars(_set(split, part(wanted))), "training": training})


def _of_activitynet(path: Path, content: dict[str, Any]) -> ReferenceSet:
    """Every sentence is a segment, called VIDEO#NUMBER, counted from 0."""
    for video, one in content.items():
        if not isinstance(one["sentences"], list):
            raise UserError(f"{path}: video {shown(video)}: its `sentences` are no list; {FORMS}")
    rows = [
        (f"{video}#{i}", video, (sentence(text, f"{path}: video {shown(video)}, sentence {i}"),))
        for video, one in content.items()
        for i, text in enumerate(one["sentences"])
    ]
    return ReferenceSet(
        name=path.name,
        ids=tuple(name for name, _, _ in rows),
        videos=tuple(video for _, video, _ in rows),
        captions=tuple(texts for _, _, texts in rows),
    )


def _gathered(path: Path, items: Sequence[Any], field: str) -> dict[str, list[str]]:
    """Captions by id, of a list with one a caption."""
    found: dict[str, list[str]] = {}
    for index, item in enumerate(items):
        where = f"{path}: caption {index}, counted from 0"
        if not isinstance(item, dict) or field not in item or "caption" not in item:
            raise UserError(f"{where}: lacks `{field}` or `caption`; {FORMS}")
        name = identity(item[field], where)
        found.setdefault(name, []).append(sentence(item["caption"], where))
    return found


def _set(name: str, found: Mapping[str, Sequence[str]]) -> ReferenceSet:
    """References by id, of whole videos."""
    ids = tuple(found)
    captions = tuple(map(tuple, found.values()))
    return ReferenceSet(name=name, ids=ids, videos=ids, captions=captions)


def _check(found: ReferenceSet, path: Path) -> None:
    if not found.ids:
        raise UserError(f"{path}: no segment in {found.name}; {FORMS}")
    for name, captions in zip(found.ids, found.captions, strict=True):
        if not captions:
            raise UserError(f"{path}: {shown(name)} has no reference; take it out, or add one")
        for text in captions:
            if not tokenize(text):
                raise UserError(
                    f"{path}: {shown(name)} has a reference without a word, {shown(text)}; take "
                    "it out"
                )
