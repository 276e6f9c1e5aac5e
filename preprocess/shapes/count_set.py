"""Generate the set of counts:  python -m preprocess.shapes --kind counts

    OUTPUT/videos/<video id>.mp4   OUTPUT/shapes.json (settings)
    OUTPUT/{train,val,test}_count.json   a list of {"id", "question", "video_id", "answer": number}

How often does the shape blink, bounce or pass, 0 to 9 times?  Within each wording every number is
the answer equally often in each split: a model that reads only the question is right in one of ten.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from options.preprocess.shapes import ShapesOptions
from preprocess.shapes.count_scenes import (
    ACTS,
    MOST,
    UNIT,
    CountScene,
    asked,
    make_count_scenes,
)
from preprocess.shapes.folder import claim, write_items, write_videos
from util.errors import UserError
from util.files import check_output

FORMAT = 1  # goes up when the same settings give other videos or questions


def generate_counts(options: ShapesOptions) -> None:
    """Write the data set and print what it holds.

    Raises UserError for a number of videos that cannot be shared out evenly, and a folder that
    cannot be written or that holds something else.
    """
    output, counts = Path(options.folder), options.counts
    for split, count in counts.items():
        if count % UNIT:
            near = max(UNIT, round(count / UNIT) * UNIT)
            raise UserError(
                f"--{split} {count}: each number of times has as many videos as the others; give "
                f"a multiple of {UNIT}, such as {near}"
            )
    if options.sheet:
        check_output(options.sheet, "--sheet")
    claim(output, {"format": FORMAT, "kind": "counts", "seed": options.seed, **counts})
    scenes = {
        split: make_count_scenes(count, seed=options.seed, split=stream)
        for stream, (split, count) in enumerate(counts.items())
    }
    drawn = [scene.frames for some in scenes.values() for scene in some]
    write_videos(output / "videos", dict(enumerate(drawn, 1)), options.threads)
    video, number = 1, 1
    for split, some in scenes.items():
        items = list(questions(some, video, number))
        write_items(output / f"{split}_count.json", items)
        video, number = video + len(some), number + len(items)
        each = len(items) // (len(ACTS) * (MOST + 1))
        print(
            f"{split}: {len(some):,} videos, {len(items):,} questions; how often something does "
            f"{', '.join(ACTS)} is each of 0 to {MOST} in {each:,} of them"
        )
    if options.sheet:
        # Imported here: matplotlib takes a second, and few runs want the picture.
        from preprocess.shapes.sheet import save_count_sheet

        save_count_sheet(Path(options.sheet), scenes["test"])
        print(f"picture: {options.sheet}")


def questions(scenes: Sequence[CountScene], video: int, number: int) -> Iterator[dict]:
    """The items of a split: `video` and `number` are the ids of its first video and question."""
    for video_id, scene in enumerate(scenes, video):
        for text, answer in asked(scene):
            yield {"answer": answer, "id": number, "question": text, "video_id": video_id}
            number += 1
