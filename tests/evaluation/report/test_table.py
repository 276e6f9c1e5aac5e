"""Tables of the results page, from the runs' JSON."""

import json
from pathlib import Path

import pytest

import evaluate
from util.errors import UserError

SPEC = """
main:
  columns: [all, what, who]
  question_only: blind
  gain_of: with video
  rows:
    - {label: question only, runs: blind, file: none}
    - {label: with video, runs: seen, file: real, learned: it helps}
"""
PAGE = "before\n<!-- table main -->\nold\n<!-- end -->\nafter\n"


def answers(run: str, file: str, right: set[int], ids: range = range(40)) -> None:
    """40 questions: 20 what, 10 who, 10 how."""
    kinds = ["what"] * 20 + ["who"] * 10 + ["how"] * 10
    records = [
        {
            "id": i, "video": f"v{i % 8}", "type": kinds[i % 40], "question": "?", "answer": "a",
            "predicted": "a" if i in right else "b", "probability": 1.0, "correct": i in right,
        }
        for i in ids
    ]  # fmt: skip
    Path("results", run).mkdir(parents=True, exist_ok=True)
    Path("results", run, f"test-{file}.json").write_text(json.dumps({"predictions": records}))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/tables.yaml").write_text(SPEC)
    Path("results/README.md").write_text(PAGE)
    answers("blind_s1", "none", set(range(4)))
    answers("blind_s2", "none", set(range(8)))
    answers("seen_s1", "real", set(range(20)))
    answers("seen_s2", "real", set(range(24)))


def test_cells_are_means_and_deviations_over_runs() -> None:
    assert evaluate.main(["table"]) == 0
    page = Path("results/README.md").read_text()
    before, head, rule, blind, seen, gain, after = [
        x for x in page.split("\n") if x and "<!--" not in x
    ]
    assert (before, after) == ("before", "after")
    assert head == "|  | all (40) | what (20) | who (10) | vision gain | learned |"
    assert rule == "|-|-|-|-|-|-|"
    assert blind == "| question only | 15.0 ± 7.1 | 30.0 ± 14.1 | 0.0 ± 0.0 | – |  |"
    assert seen.startswith("| with video | 55.0 ± 7.1 | 100.0 ± 0.0 | 20.0 ± 28.3 | +40.0 [")
    assert seen.endswith("] | it helps |")
    assert gain.startswith("| vision gain, with video | +40.0 [") and "| +70.0 [" in gain


def test_a_column_can_join_types() -> None:
    spec = SPEC.replace("who]", "{others: [who, how]}]")
    Path("results/tables.yaml").write_text(spec)
    evaluate.main(["table"])
    page = Path("results/README.md").read_text()
    assert "| others (20) |" in page and "| 100.0 ± 0.0 | 10.0 ± 14.1 | +40.0 [" in page


def test_columns_are_what_they_name() -> None:
    """A joined column may be called like a type, or like the total."""
    columns = "columns: [all, what, {what: [what, who], all: [how]}, who]"
    Path("results/tables.yaml").write_text(SPEC.replace("columns: [all, what, who]", columns))
    evaluate.main(["table"])
    head, _, blind, _, gain = Path("results/README.md").read_text().split("\n")[2:7]
    assert head.startswith("|  | all (40) | what (20) | what (30) | all (10) | who (10) |")
    assert blind.split(" | ")[1:4] == ["15.0 ± 7.1", "30.0 ± 14.1", "20.0 ± 9.4"]
    cells = gain.split(" | ")
    assert cells[1].startswith("+40.0 [") and cells[2].startswith("+70.0 [")
    assert cells[3] == "–" and cells[4] == "+0.0 [+0.0..+0.0]" and cells[5].startswith("+20.0 [")


def test_seeds_are_runs_with_a_number_alone() -> None:
    for other in ("seen_s1_longer2", "seen_short3", "seen_sx1"):
        answers(other, "real", set())
    evaluate.main(["table"])
    assert "| with video | 55.0 ± 7.1 |" in Path("results/README.md").read_text()


def test_it_is_the_same_again() -> None:
    evaluate.main(["table"])
    first = Path("results/README.md").read_text()
    evaluate.main(["table"])
    assert Path("results/README.md").read_text() == first


def test_a_table_without_its_runs_stays_and_is_named(capsys) -> None:
    Path("results/seen_s1/test-real.json").unlink()
    Path("results/seen_s2/test-real.json").unlink()
    assert evaluate.main(["table"]) == 1
    assert Path("results/README.md").read_text() == PAGE
    assert "main: stays as it is, no run here for seen" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spec", "page", "line"),
    [
        (SPEC, "no marks", r"README\.md: needs `<!-- table main -->`"),
        (SPEC, PAGE + PAGE, r"once each"),
        ("main: {rows: []}", PAGE, r"tables\.yaml: table main needs `columns` and `rows`"),
        (SPEC.replace("label: with", "lable: with"), PAGE, r"table main, row .*needs label"),
        (SPEC.replace("gain_of: with", "gain_of: without"), PAGE, "gain_of 'without video' is no"),
        (SPEC.replace("what, who", "yes, who"), PAGE, r"table main: column True .* in quotes"),
        (SPEC.replace("what, who", "{a: [1]}"), PAGE, r"table main: column 'a' of \[1\]: .*text"),
        ("[", PAGE, r"tables\.yaml: not readable as YAML"),
        ("", PAGE, r"tables\.yaml: no tables"),
    ],
)
def test_mistakes(spec: str, page: str, line: str) -> None:
    Path("results/tables.yaml").write_text(spec)
    Path("results/README.md").write_text(page)
    with pytest.raises(UserError, match=line):
        evaluate.main(["table"])


def test_runs_of_other_questions_do_not_share_a_table() -> None:
    answers("seen_s2", "real", set(), ids=range(1, 41))
    with pytest.raises(UserError, match="answer different questions"):
        evaluate.main(["table"])
    answers("seen_s1", "real", set(), ids=range(1, 41))
    with pytest.raises(UserError, match="a table is of one question file"):
        evaluate.main(["table"])


def test_rows_can_be_set_against_one_of_them() -> None:
    spec = SPEC.replace("question_only: blind\n  gain_of: with video", "against: question only")
    Path("results/tables.yaml").write_text(spec)
    evaluate.main(["table"])
    head, _, blind, seen = [x for x in Path("results/README.md").read_text().split("\n")][2:6]
    differences = "difference, over videos | difference, over seeds"
    assert head == f"|  | all (40) | what (20) | who (10) | {differences} | learned |"
    assert blind.endswith("| – | – |  |") and "| +40.0 [" in seen
    # 10 and 20 against 50 and 60: standard error sqrt(2 x 25), Student's t with 2 degrees 4.303
    assert "| +40.0 [+9.6..+70.4] |" in seen
    Path("results/tables.yaml").write_text(spec.replace("against: question only", "against: none"))
    with pytest.raises(UserError, match=r"against 'none' is no row's label"):
        evaluate.main(["table"])


def test_runs_may_lie_elsewhere(capsys) -> None:
    Path("results").rename("elsewhere")
    Path("results").mkdir()
    flags = ["--tables", "elsewhere/tables.yaml", "--readme", "elsewhere/README.md"]
    assert evaluate.main(["table", *flags]) == 1
    assert "no run here" in capsys.readouterr().out
    assert evaluate.main(["table", *flags, "--results", "elsewhere"]) == 0


SEARCHES = """
found:
  of: searches
  columns: [R@1, median rank]
  rows:
    - {label: chance, file: r-pooled/test-retrieval.json, row: text_to_video/chance}
    - {label: embedding, file: r-pooled/test-retrieval.json, row: text_to_video/embedding}
changed:
  of: searches
  columns: [weight, change of R@1, relative]
  rows:
    - {label: re-ranked, file: r-pooled/test-retrieval.json, row: change/reranked}
absent:
  of: searches
  columns: [false alarms, misses]
  rows:
    - {label: test, file: r-pooled/test-retrieval.json, row: ""}
    - {label: all, file: r-pooled/test-retrieval-all.json, row: ""}
"""
NUMBERS = {
    "split": "test",
    "test/text_to_video/chance/R1": 0.006,
    "test/text_to_video/chance/median_rank": 80.0,
    "test/text_to_video/embedding/R1": 0.157,
    "test/text_to_video/embedding/R1_seeds": [0.15, 0.164],
    "test/text_to_video/embedding/R1_interval": [0.121, 0.198],
    "test/text_to_video/embedding/median_rank": 9.0,
    "test/text_to_video/embedding/median_rank_seeds": [9.0, 9.0],
    "test/text_to_video/embedding/median_rank_interval": [7.0, 11.333],
    "test/change/reranked/weight": 0.08,
    "test/change/reranked/R1": -0.006,
    "test/change/reranked/R1_interval": [-0.018, 0.006],
    "test/change/reranked/R1_relative": -0.037,
    "test/change/reranked/R1_relative_interval": [-0.117, 0.042],
    "test/false_alarms": 0.03,
    "test/misses": 0.403,
    "test/misses_interval": [0.362, 0.443],
}


def searches() -> Path:
    """The page and files of `SEARCHES`."""
    Path("results/tables.yaml").write_text(SEARCHES)
    marks = "".join(f"<!-- table {n} -->\n<!-- end -->\n" for n in ("found", "changed", "absent"))
    readme = Path("results/README.md")
    readme.write_text(marks)
    Path("results/r-pooled").mkdir(exist_ok=True)
    for ending in ("", "-all"):
        path = Path(f"results/r-pooled/test-retrieval{ending}.json")
        path.write_text(json.dumps(NUMBERS))
    return readme


def test_tables_of_searches() -> None:
    readme = searches()
    assert evaluate.main(["table"]) == 0
    assert [line for line in readme.read_text().split("\n") if "<!--" not in line] == [
        "|  | R@1 | median rank |",
        "|-|-|-|",
        "| chance | 0.6 | 80 |",
        "| embedding | 15.7 ± 1.0 [12.1-19.8] | 9 ± 0.0 [7-11.3] |",
        "|  | weight | change of R@1 | relative |",
        "|-|-|-|-|",
        "| re-ranked | 0.08 | -0.6 [-1.8..+0.6] | -3.7 % [-12..+4] |",
        "|  | false alarms | misses |",
        "|-|-|-|",
        "| test | 3.0 | 40.3 [36.2-44.3] |",
        "| all | 3.0 | 40.3 [36.2-44.3] |",
        "",
    ]


def test_a_table_of_searches_without_a_file_stays(capsys) -> None:
    readme = searches()
    Path("results/r-pooled/test-retrieval-all.json").unlink()
    assert evaluate.main(["table"]) == 1
    assert "absent: stays as it is, no run here for r-pooled/test-retrieval-all.json" in (
        capsys.readouterr().out
    )
    assert "| embedding |" in readme.read_text() and "| test |" not in readme.read_text()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[R@1, median rank]", "[R@2]", "table found: column 'R@2' is none of R@1, "),
        ("row: change/reranked", "rows: x", "table changed, row .* needs label, file and row"),
        ("row: change/reranked", "row: change/x", "has no test/change/x/weight; name another"),
    ],
)
def test_mistakes_in_tables_of_searches(old: str, new: str, line: str) -> None:
    searches()
    Path("results/tables.yaml").write_text(SEARCHES.replace(old, new))
    with pytest.raises(UserError, match=line) as caught:
        evaluate.main(["table"])
    assert "\n" not in str(caught.value)
