"""Choices and counts measured: against plain numbers, choices by place, gains of either sign."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from evaluation.answers import Answers, Asked, answers_of, columns, with_choices, with_numbers
from evaluation.kind.count import MAE, MSE, told
from evaluation.kind.metric import ACCURACY, measure
from evaluation.kind.table import MEASURES
from evaluation.plot.accuracy import all_plots
from evaluation.plot.count import count_plots
from evaluation.score import Score
from preprocess.annotation.sample import Sample
from util.statistics import Bootstrap

CHOICES = [("red", "blue", "red"), ("red", "the blue one"), ("red", "blue", "grey", "pink")]


def asked_choice(right: list[int], *, train: bool = True) -> Asked:
    samples = [
        Sample(i, f"v{i}", "which?", CHOICES[i][k], ("what", "who")[i % 2])
        for i, k in enumerate(right)
    ]
    rows = list(zip(CHOICES, right, strict=False))
    known = [(("blue", "red"), 0), (("grey", "blue"), 1)] if train else []
    before = [Sample(i, "t", "?", of[k], "what") for i, (of, k) in enumerate(known)]
    return with_choices(columns("test", samples, before, [1] * len(right), []), rows, known)


def chosen(asked: Asked, top: list[list[int]], share: list[list[float]]) -> Answers:
    best = torch.tensor(top), torch.tensor(share)
    return answers_of("run", "real", asked, (), *best)


def test_a_choice_is_right_by_its_place_not_by_its_text() -> None:
    asked = asked_choice([0, 1, 3])
    top = [[2, 0, 1, -1, -1], [1, 0, -1, -1, -1], [3, 0, 1, 2, -1]]
    answers = chosen(asked, top, [[0.5, 0.3, 0.2, 0, 0], [0.9, 0.1, 0, 0, 0], [1, 0, 0, 0, 0]])
    assert answers.predicted.tolist() == ["red", "the blue one", "pink"]
    assert answers.correct.tolist() == [False, True, True]  # the other "red"
    assert [name for name, _ in answers.top[0]] == ["red", "red", "blue"]
    assert len(answers.top[1]) == 2
    first, *_ = answers.records()
    assert (first["right"], first["chosen"], first["correct"]) == (0, 2, False)
    assert first["choices"] == ["red", "blue", "red"]
    kept = answers.only(np.array([True, False, True]))
    assert kept.correct.tolist() == [False, True]
    assert kept.asked.guesses["first"].tolist() == [0, 0]


def test_the_rows_of_choices_without_a_model() -> None:
    asked = asked_choice([0, 1, 3])
    rows = MEASURES["choice"].without_model(asked)["accuracy"]
    assert rows["chance"].tolist() == [1 / 3, 1 / 2, 1 / 4]
    assert rows["first"].tolist() == [True, False, False]
    assert rows["longest"].tolist() == [
        False,
        True,
        False,
    ]  # "the blue one"; else the first longest
    # "blue" was right twice of two; of "the blue one" the known word says the same
    assert asked.guesses["prior"].tolist() == [1, 1, 1]
    assert rows["prior"].tolist() == [False, True, False]


def test_without_a_training_split_the_rows_that_need_one_are_left_out_and_named() -> None:
    found = asked_choice([0, 1, 3], train=False)
    assert set(MEASURES["choice"].without_model(found)["accuracy"]) == {
        "chance",
        "first",
        "longest",
    }
    line = MEASURES["choice"].left_out(found)
    assert line == "without a training split in the question file, left out: likeliest choice"
    assert MEASURES["choice"].left_out(asked_choice([0])) == ""
    assert "frequency" not in pictures(chosen(found, [[0], [0], [0]], [[1.0]] * 3))


def asked_count(numbers: list[int], types: list[str] | None = None) -> Asked:
    kinds = types or ["jump"] * len(numbers)
    samples = [
        Sample(i, f"v{i // 2}", "how often?", str(n), kinds[i]) for i, n in enumerate(numbers)
    ]
    train = [Sample(i, "t", "?", str(n), "jump") for i, n in enumerate((1, 1, 2, 6))]
    found = columns("test", samples, train, [2] * len(numbers), [])
    return with_numbers(found, numbers, (["jump"] * 4, [1, 1, 2, 6]), (1, 6))


def counted(asked: Asked, values: list[float]) -> Answers:
    raw = torch.tensor(values)
    number = torch.from_numpy(told(raw.numpy(), asked.count_range))
    return answers_of("run", "real", asked, (), number[:, None], torch.ones(len(values), 1), raw)


def test_counts_are_measured_by_the_number_told_not_by_the_raw_value() -> None:
    asked = asked_count([1, 2, 3, 6])
    answers = counted(asked, [-3.0, 2.5, 2.4, 9.0])
    assert answers.chosen is not None
    assert answers.chosen.tolist() == [1, 3, 2, 6]  # halves up, clipped to 1..6
    assert answers.predicted.tolist() == ["1", "3", "2", "6"]
    numbers = MEASURES["count"].numbers(answers)
    assert numbers["mse"].tolist() == [0, 1, 1, 0]
    assert numbers["mae"].tolist() == [0, 1, 1, 0]
    assert numbers["exact"].tolist() == [True, False, False, True]
    rows = MEASURES["count"].without_model(asked)  # mean 2.5, which rounds to 2; commonest 1
    assert rows["mse"]["constant_mean"].tolist() == [1, 0, 1, 16]
    assert rows["exact"]["commonest"].tolist() == [True, False, False, False]
    assert [r["value"] for r in answers.records()] == [-3.0, 2.5, 2.4, 9.0]


def test_an_error_that_falls_is_a_gain_above_zero() -> None:
    own, blind = np.array([0, 1, 0, 1.0]), np.array([4, 1, 4, 3.0])
    bootstrap = Bootstrap(["a", "a", "b", "b"], ["x"] * 4)
    found = measure(MSE, {"mse": own, "question_only": blind}, ("question_only", "mse"), bootstrap)
    assert found.gain is not None and found.gain_interval is not None
    assert found.gain.total == pytest.approx(2.5)
    low, high = found.gain_interval.total
    assert 0 < low <= 2.5 <= high
    assert MSE.changed(2.5, (2, 3)) == "+2.50 [+2.00..+3.00]"
    assert MSE.gain == "vision gain (squared error saved)"
    rows = {"accuracy": np.array([True, False]), "question_only": np.array([False, False])}
    share = measure(ACCURACY, rows, ("accuracy",), Bootstrap(["a", "b"], ["x", "x"]))
    assert share.gain is not None and share.gain.total == 0.5


def score_of(answers: Answers) -> Score:
    kind = MEASURES[answers.asked.kind]
    bootstrap = Bootstrap(answers.asked.video, answers.asked.type)
    rows, own = kind.without_model(answers.asked), kind.numbers(answers)
    rows = {key: {**of, key: own[key]} for key, of in rows.items()}
    measured = tuple(measure(m, rows[m.key], tuple(kind.labels), bootstrap) for m in kind.metrics)
    return Score(
        answers=answers, step=7, protocol="full", counts=bootstrap.counts, measured=measured
    )


def pictures(answers: Answers) -> dict[str, Figure]:
    main = score_of(answers).main
    return all_plots(answers, {"run": (main.own, main.own_interval)})


def test_the_table_of_counts_says_units_and_which_way_is_better() -> None:
    asked = asked_count([1, 2, 3, 6], ["all", "jump", "jump", "all"])
    score = score_of(counted(asked, [1, 2, 2, 4]))
    lines = score.table().splitlines()
    assert lines[1] == (
        "mean squared error of 4 questions on 2 videos, told in whole numbers from 1 to 6; "
        "less is better"
    )
    at = {line[:24].strip(): line.split()[-3:] for line in lines[2:9]}
    assert at["this run"] == ["1.25", "2.00", "0.50"]  # (0 + 0 + 1 + 4) / 4; all, jump
    assert at["constant: training mean"] == ["4.50", "8.50", "0.50"]
    assert "exact, per cent of 4 questions on 2 videos" in lines
    found = score.summary()
    assert found["kind"] == "count" and found["count_range"] == [1, 6]
    assert found["test/mse"] == {"total": 1.25, "by_type": {"all": 2.0, "jump": 0.5}}
    assert found["test/exact"]["total"] == 0.5 and found["test/mae"]["total"] == 0.75
    assert found["test/constant_mean_mse"]["total"] == 4.5
    assert "test/calibration_error" not in found
    assert score.markdown().startswith("| run | 1.25 [")


def test_pictures_of_counts_show_their_numbers() -> None:
    asked = asked_count([1, 2, 2, 6])
    answers = counted(asked, [1, 3, 2, 4])
    score = score_of(answers)
    figures = count_plots(answers, {"run": (score.main.own, score.main.own_interval)})
    assert set(figures) == {"types", "told", "numbers"}
    bars = [p.get_height() for p in figures["numbers"].axes[0].patches]  # type: ignore[attr-defined]
    assert bars == [0, 0.5, 4]
    labels = [t.get_text() for t in figures["told"].axes[0].get_xticklabels()]
    assert labels == ["1", "2", "6", "other"]
    assert "less is better" in figures["types"].get_suptitle()


def test_pictures_of_choices_compare_numbers_of_candidates_where_these_differ() -> None:
    top, share = [[0], [1], [0]], [[1.0]] * 3
    figures = pictures(chosen(asked_choice([0, 1, 3]), top, share))
    assert {"types", "calibration", "length", "frequency"} <= set(figures)
    assert "confusion" not in figures
    labels = [t.get_text() for t in figures["candidates"].axes[1].get_xticklabels()]
    assert labels == ["2", "3", "4"]


def test_absolute_errors_are_named_apart() -> None:
    kind = MEASURES["count"]
    assert kind.named(MAE, "mae") == "mae" and kind.named(MAE, "commonest") == "commonest_mae"
    assert MEASURES["choice"].named(ACCURACY, "prior") == "prior"
