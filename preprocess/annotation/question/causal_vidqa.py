"""Causal-VidQA (Li et al. 2022): `QA/<video>/text.json`, `QA/<video>/answer.json` and split lists.

`text.json` has, for `descriptive`, `explanatory`, `predictive` and `counterfactual`, a `question`
and a list `answer` of five choices; the last two have a list `reason` of five more, and asking for
the reason is a question of its own.  `answer.json` has the places of the right ones, from 0.  So a
video has six questions, `<video>_0` to `<video>_5` as in the published code, of the types `TYPES`.
(Papers count a predictive or counterfactual question as right where answer and reason are.)

The splits are the published `split/train.pkl`, `valid.pkl` and `test.pkl`, lists of video names, or
files of the same names with .txt, a name a line.  A pickle that holds anything but names is refused
and nothing in it is run.
"""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

from data_loader.candidates import LEAST
from preprocess.annotation.items import load_json
from preprocess.annotation.sample import Sample
from util.errors import MissingFile, UserError
from util.text import clipped
from util.text_file import read_text

# In the order of the published code: (object of text.json, list in it).
TYPES = {
    "descriptive": ("descriptive", "answer"),
    "explanatory": ("explanatory", "answer"),
    "predictive answer": ("predictive", "answer"),
    "predictive reason": ("predictive", "reason"),
    "counterfactual answer": ("counterfactual", "answer"),
    "counterfactual reason": ("counterfactual", "reason"),
}
LISTS = {"train": "train", "val": "valid", "test": "test"}
HINT = "--annotations is the folder with Causal-VidQA's QA/ and split/"


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of its list.

    Raises UserError, naming the file and the cure, for files that are missing or malformed.
    """
    samples = []
    for video in _videos(annotations / "split", LISTS[split]):
        folder = annotations / "QA" / video
        asked, given = _object(folder / "text.json"), _object(folder / "answer.json")
        for number, (kind, (part, field)) in enumerate(TYPES.items()):
            choices, place = _at(asked, part, field), _at(given, part, field)
            question = _at(asked, part, "question")
            if not isinstance(question, str) or not any(map(str.isalnum, question)):
                raise UserError(f"{folder}/text.json: {part}: no `question`; fill it in")
            if not _are_texts(choices):
                raise UserError(
                    f"{folder}/text.json: {part}: `{field}` is not a list of two or more texts; "
                    "correct it"
                )
            if type(place) is not int or not 0 <= place < len(choices):
                shown = clipped(repr(place), 40)
                raise UserError(
                    f"{folder}/answer.json: {part}: `{field}` is {shown}; it must be the place of "
                    f"a choice, from 0 to {len(choices) - 1}"
                )
            samples.append(
                Sample(
                    id=f"{video}_{number}",
                    video=video,
                    question=question,
                    answer=choices[place],
                    type=kind,
                    choices=tuple(choices),
                )
            )
    return samples


def _videos(folder: Path, name: str) -> list[str]:
    """The names of a split's videos."""
    path = folder / f"{name}.txt"
    if path.is_file():
        names: Any = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    else:
        path = folder / f"{name}.pkl"
        try:
            names = _Plain(BytesIO(path.read_bytes())).load()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingFile(f"{path}: not there; {HINT}") from error
        except (
            pickle.UnpicklingError,
            EOFError,
            ValueError,
            TypeError,
            IndexError,
            KeyError,
        ) as error:
            raise UserError(
                f"{path}: not a pickled list of names; write the names to {name}.txt, one a line"
            ) from error
    names = list(names) if isinstance(names, list | tuple | set) else []
    wrong = [n for n in names if not isinstance(n, str) or not _is_name(n)]
    if not names or wrong:
        shown = f" ({clipped(repr(wrong[0]), 40)})" if wrong else ""
        raise UserError(f"{path}: not a list of names of videos{shown}; fetch it again")
    return list(dict.fromkeys(names))


def _is_name(text: str) -> bool:
    """Whether this names something in a folder, and not elsewhere."""
    return bool(text) and not text.startswith(".") and "/" not in text and text.isprintable()


class _Plain(pickle.Unpickler):
    """Reads lists, texts and numbers; whatever would import or run something is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        """Refuse."""
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _object(path: Path) -> dict[str, Any]:
    found = load_json(path, read_text(path, HINT))
    if not isinstance(found, dict):
        raise UserError(f"{path}: not an object of {', '.join(dict(TYPES.values()))}; correct it")
    return found


def _at(of: dict[str, Any], part: str, field: str) -> Any:
    """`of[part][field]`, None where there is none."""
    inner = of.get(part)
    return inner.get(field) if isinstance(inner, dict) else None


def _are_texts(choices: Any) -> bool:
    if not isinstance(choices, list) or len(choices) < LEAST:
        return False
    return all(isinstance(text, str) and text.strip() for text in choices)
