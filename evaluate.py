"""Answer a split's questions with a trained run:  python evaluate.py --run results/shapes"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_loader.dataset import QaData, check_provenance, join
from data_loader.questions import load_questions
from data_loader.store import open_store
from model.task.qa import Predictions, QuestionAnswering
from options.data import Video
from options.evaluate import EvaluateOptions
from options.parse import parse
from util.checkpoint import load_checkpoint
from util.device import pick_device
from util.errors import UserError, run_command
from util.files import whole_file
from util.metrics import accuracy


def main(argv: Sequence[str] | None = None) -> int:
    """Print accuracy in total and per type, write every answer to a JSON file."""
    (options,) = parse(
        "python evaluate.py", "Accuracy of a run on one split.", (EvaluateOptions,), argv
    )
    score(options)
    return 0


def score(options: EvaluateOptions) -> dict[str, float]:
    """Evaluate, print, write; returns the accuracies by type, "all" among them."""
    folder = Path(options.run)
    content = load_checkpoint(folder / f"{options.checkpoint}.pt")
    trained = content["options"]
    video = options.video or trained["video"]
    data = load_data(content, options, video)
    task = QuestionAnswering.from_checkpoint(content)
    device = pick_device(options.device)
    found = task.to(device).predict(data.batches(options.batch_size), device)

    by_type = accuracy(found.correct.tolist(), data.split.types)
    counts = Counter(data.split.types)
    names = {"real": "real video", "none": "no video", "shuffled": "shuffled videos"}
    print(f"{folder} at step {content['step']}, split {options.split}, {names[video]}")
    for name, value in by_type.items():
        count = len(data) if name == "all" else counts[name]
        print(f"  {name:<8}{100 * value:6.2f} %  of {count:6,} questions")
    output = Path(options.output or folder / f"{options.split}-{video}.json")
    report = {
        "run": folder.name,
        "step": content["step"],
        "split": options.split,
        "video": video,
        f"{options.split}/accuracy": by_type,
        "predictions": predictions(data, found, content["vocabulary"]["answers"]),
    }
    with whole_file(output) as partial:
        partial.write_text(json.dumps(report, indent=1))
    print(f"every answer: {output}")
    return by_type


def load_data(content: dict[str, Any], options: EvaluateOptions, video: Video) -> QaData:
    """The split's questions and features, checked against what the run was trained on."""
    trained = content["options"]
    questions = load_questions(options.questions or trained["questions"])
    if questions.vocabulary.state() != content["vocabulary"]:
        raise UserError(
            f"{questions.path} has another vocabulary than {options.run} was trained with: give "
            "--questions the run's own file, or train anew"
        )
    if options.split not in questions.splits:
        raise UserError(
            f"--split {options.split}: {questions.path} has {', '.join(questions.splits)}"
        )
    stores = []
    for channel in ("appearance", "motion"):
        was = content["stores"][channel]
        given = getattr(options, channel)
        if was is None and (given or video != "none"):
            raise UserError(
                f"{options.run} was trained without any store: leave out --{channel}, and evaluate "
                "it with --video none"
            )
        stores.append(None if was is None else open_store(given or trained[channel]))
        if was is not None:
            check_provenance(was["provenance"], stores[-1], options.run)
    return join(questions.splits[options.split], *stores, video=video, seed=options.seed)


def predictions(data: QaData, found: Predictions, answers: Sequence[str]) -> list[dict[str, Any]]:
    """One record a question, in the order of the annotations."""
    split = data.split
    return [
        {
            "id": split.ids[i],
            "video": split.videos[i],
            "type": split.types[i],
            "question": split.texts[i],
            "answer": split.answer_texts[i],
            "predicted": answers[top],
            "probability": round(probability, 4),
            "correct": correct,
        }
        for i, (top, probability, correct) in enumerate(
            zip(
                found.top[:, 0].tolist(),
                found.probability[:, 0].tolist(),
                found.correct.tolist(),
                strict=True,
            )
        )
    ]


if __name__ == "__main__":
    run_command(main)
