"""Generate the embedded data set `shapes`.

Short real video files (H.264 in mp4) of coloured shapes that move, turn, grow, blink, appear and
leave, questions about them in MSVD-QA's format, and captions:
    OUTPUT/videos/<video id>.mp4   OUTPUT/shapes.json (settings)
    OUTPUT/{train,val,test}_qa.json   OUTPUT/{train,val,test}_captions.json
and every true caption of each, a list of {"video_id": number, "captions": [text, ...]}.
Everything follows from the seed; an interrupted run is taken up by the same command.
"""

import json
from collections import Counter
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from options.preprocess.shapes import ShapesOptions
from preprocess.shapes.captions import captions
from preprocess.shapes.families import make_scenes
from preprocess.shapes.questions import ANSWERS, Question, ask
from preprocess.shapes.scene import FPS, Scene, draw
from util.errors import UserError
from util.files import check_output, whole_file

FORMAT = 1  # goes up when the same settings give other videos or questions


def generate(options: ShapesOptions) -> None:
    """Write the data set and print what it holds.

    Raises UserError for options that cannot be, a folder that cannot be written or that holds
    something else, and splits too small to have every type of question.
    """
    output = Path(options.output)
    counts = {"train": options.train, "val": options.val, "test": options.test}
    scenes, questions = plan(counts, seed=options.seed)
    if options.sheet:
        check_output(options.sheet, "--sheet")
    _claim(output, {"format": FORMAT, "seed": options.seed, **counts})
    first = first_ids(counts)
    _write_videos(output / "videos", scenes, first, options.threads)
    number = 0
    for split in counts:
        items = []
        for number, question in enumerate(questions[split], number + 1):  # noqa: B020
            items.append(
                {
                    "answer": question.answer,
                    "id": number,
                    "question": question.text,
                    "video_id": first[split] + question.video,
                }
            )
        with whole_file(output / f"{split}_qa.json") as path:
            path.write_text(json.dumps(items, indent=0) + "\n", encoding="utf-8")
        write_captions(output / f"{split}_captions.json", scenes[split], first[split])
    print(summary(counts, questions))
    if options.sheet:
        # Imported here: matplotlib takes a second, and few runs want the picture.
        from preprocess.shapes.sheet import save_sheet

        save_sheet(Path(options.sheet), scenes["test"], questions["test"])
        print(f"picture: {options.sheet}")


def plan(
    counts: dict[str, int], *, seed: int
) -> tuple[dict[str, list[Scene]], dict[str, list[Question]]]:
    """Scenes and questions of each split; `counts` says how many videos a split has.

    Raises UserError when a split is too small to hold a balanced question of each type.
    """
    scenes, questions = {}, {}
    for stream, (split, count) in enumerate(counts.items()):
        scenes[split] = make_scenes(count, seed=seed, split=stream)
        questions[split] = ask(scenes[split], seed=seed, split=stream)
        missing = set(ANSWERS) - {q.template.type for q in questions[split]}
        if missing:
            raise UserError(
                f"--{split} {count}: too few videos for balanced questions of the type "
                f"{sorted(missing)[0]}; give 60 or more"
            )
    return scenes, questions


def first_ids(counts: dict[str, int]) -> dict[str, int]:
    """The first video id of each split: ids run from 1 through train, val and test."""
    starts = np.cumsum([1, *counts.values()])
    return {split: int(start) for split, start in zip(counts, starts, strict=False)}


def write_captions(path: Path, scenes: Sequence[Scene], first: int) -> None:
    """Write every true caption of the videos of a split; `first`: the id of its first video."""
    items = [{"video_id": first + i, "captions": captions(scene)} for i, scene in enumerate(scenes)]
    with whole_file(path) as partial:
        partial.write_text(json.dumps(items, indent=0) + "\n", encoding="utf-8")


def write_video(path: Path, frames: np.ndarray) -> None:
    """Encode frames (T, H, W, 3) uint8 RGB as H.264.

    The bytes repeat on one machine: one thread, and no look-ahead, whose choices on frames as small
    as these differ from run to run.
    """
    with whole_file(path) as partial, av.open(str(partial), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {
            "preset": "veryfast", "tune": "zerolatency", "crf": "16", "threads": "1",
            "x264-params": "mbtree=0",
        }  # fmt: skip
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def summary(counts: dict[str, int], questions: dict[str, list[Question]]) -> str:
    """A table of each split: questions and the commonest answer's share by type, temporal share."""
    lines = [
        "questions (commonest answer's share)",
        f"{'split':6}{'videos':>7}{'all':>7}"
        + "".join(f"{kind:>14}" for kind in ANSWERS)
        + f"{'temporal':>10}",
    ]
    for split, asked in questions.items():
        cells = ""
        for kind in ANSWERS:
            answers = Counter(q.answer for q in asked if q.template.type == kind)
            share = max(answers.values()) / answers.total()
            cells += f"{f'{answers.total()} ({share:.3f})':>14}"
        lines.append(
            f"{split:6}{counts[split]:>7}{len(asked):>7}{cells}{temporal_share(asked):>10.3f}"
        )
    return "\n".join(lines)


def temporal_share(questions: Sequence[Question]) -> float:
    """Share of the questions that no single frame answers."""
    return sum(q.template.temporal for q in questions) / len(questions)


def _claim(output: Path, settings: dict[str, int]) -> None:
    """Make the folder ours, or raise UserError: it holds something else, or is not writable."""
    note = output / "shapes.json"
    try:
        if note.is_file():
            there = json.loads(note.read_text(encoding="utf-8"))
            if there != settings:
                raise UserError(
                    f"{note}: the folder holds shapes made with other settings ({there}); remove "
                    f"{output} or give another --output"
                )
            return
        if output.is_dir() and any(output.iterdir()):
            raise UserError(
                f"{output}: holds files that are not of this data set; give an --output that is "
                "empty or not there"
            )
        with whole_file(note) as path:
            path.write_text(json.dumps(settings) + "\n", encoding="utf-8")
    except json.JSONDecodeError as error:
        raise UserError(f"{note}: not JSON; remove {output} or give another --output") from error
    except OSError as error:
        raise UserError(
            f"{output}: cannot be written ({error.strerror}); give another --output"
        ) from error


def _write_videos(
    folder: Path, scenes: dict[str, list[Scene]], first: dict[str, int], threads: int
) -> None:
    """Write the videos that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (folder / f"{first[split] + i}.mp4", scene)
        for split in scenes
        for i, scene in enumerate(scenes[split])
    ]
    jobs = [job for job in jobs if not job[0].is_file()]
    # Threads, not processes: drawing and encoding leave the interpreter lock, and threads start at
    # once, also where the caller has already imported torch.
    with ThreadPool(threads) as pool:
        done = pool.imap_unordered(lambda job: write_video(job[0], draw(job[1])), jobs, chunksize=8)
        for _ in tqdm(done, total=len(jobs), desc="videos", unit="video"):
            pass
