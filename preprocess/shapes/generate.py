"""Generate the embedded data set `shapes`.

Short real video files (H.264 in mp4) of coloured shapes that move, turn, grow, blink, appear and
leave, questions about them in MSVD-QA's format, and captions:
    OUTPUT/videos/<video id>.mp4   OUTPUT/shapes.json (settings)
    OUTPUT/{train,val,test}_qa.json   OUTPUT/{train,val,test}_captions.json
    OUTPUT/{train,val,test}_actions.json   OUTPUT/{train,val,test}_choice.json
with every true caption of each, a list of {"video_id": number, "captions": [text, ...]}, the
actions of some (actions.py), and multiple-choice questions (choices.py).
Everything follows from the seed; an interrupted run is taken up by the same command.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from options.preprocess.shapes import ShapesOptions
from preprocess.shapes.actions import labelled
from preprocess.shapes.captions import captions
from preprocess.shapes.choices import ChoiceQuestion, choose
from preprocess.shapes.families import make_scenes
from preprocess.shapes.folder import claim, write_items, write_videos
from preprocess.shapes.questions import ANSWERS, Question, ask
from preprocess.shapes.scene import Scene, draw
from util.errors import UserError
from util.files import check_output

FORMAT = 1  # goes up when the same settings give other videos or questions


def generate(options: ShapesOptions) -> None:
    """Write the data set and print what it holds.

    Raises UserError for options that cannot be, a folder that cannot be written or that holds
    something else, and splits too small to have every type of question.
    """
    output, counts = Path(options.folder), options.counts
    scenes, questions = plan(counts, seed=options.seed)
    if options.sheet:
        check_output(options.sheet, "--sheet")
    claim(output, {"format": FORMAT, "seed": options.seed, **counts})
    first = first_ids(counts)
    write_videos(
        output / "videos",
        {
            first[split] + i: partial(draw, scene)
            for split in scenes
            for i, scene in enumerate(scenes[split])
        },
        options.threads,
    )
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
        write_items(output / f"{split}_qa.json", items)
        write_captions(output / f"{split}_captions.json", scenes[split], first[split])
        actions = labelled(scenes[split], first[split])
        write_items(output / f"{split}_actions.json", [vars(one) for one in actions])
    print(summary(counts, questions))
    number = 1
    for stream, (split, some) in enumerate(scenes.items()):
        asked = choose(some, seed=options.seed, split=stream)
        write_items(output / f"{split}_choice.json", choice_items(asked, first[split], number))
        number += len(asked)
        chance = sum(1 / len(one.choices) for one in asked) / max(len(asked), 1)
        print(f"{split}: {len(asked):,} multiple-choice questions, chance {chance:.3f}")
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
    write_items(
        path,
        [{"video_id": first + i, "captions": captions(scene)} for i, scene in enumerate(scenes)],
    )


def choice_items(asked: Sequence[ChoiceQuestion], video: int, number: int) -> list[dict]:
    """The multiple-choice questions of a split, as they are written.

    `video`, `number`: the ids of its first video and its first question.
    """
    return [
        {
            "id": number + i,
            "question": question.text,
            "video_id": video + question.video,
            "choices": list(question.choices),
            "answer": question.answer,
        }
        for i, question in enumerate(asked)
    ]


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
