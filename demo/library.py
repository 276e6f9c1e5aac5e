"""A library of videos that it generates:  make library

Videos -> an embedding of videos and captions, and a run that answers -> a folder of them indexed ->
searched, asked, re-ranked, exported.  Each step is a command that you can run by itself; this file
calls them in order, and measures.  Interrupted, it goes on where it was when it is started again;
finished, it starts anew (the run that answers is that of `make demo`, and stays).
"""

import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from demo.shapes import DATA, step, train_on
from options.parse import parse
from preprocess import captions, questions, videos
from preprocess.shapes.__main__ import main as generate
from util.errors import run_command
from util.files import whole_file

RUN, ANSWERS = "shapes_retrieval", "shapes"
FOLDER = DATA / "library"  # of the videos that are indexed, with what is made of them
FINISHED = Path(f"results/{RUN}/demo.json")  # the last line of output, once it is printed
ABSENT = "green"  # no video of the library shows a shape of this colour
QUERIES = 150  # each the caption of a video; the first candidates of each are asked
CANDIDATES, CUTS = 10, 30


class Described(NamedTuple):
    """A test video."""

    file: str
    captions: list[str]
    asked: tuple[str, str] | None  # a question, and its answer, which is a word of the caption


def main(argv: Sequence[str] = ()) -> int:
    """Run all steps; the last line of output is one JSON object, shares as fractions."""
    parse("python -m demo.library", __doc__ or "", (), argv)
    begin = time.perf_counter()
    if FINISHED.exists():
        for folder in (Path(f"results/{RUN}"), FOLDER):
            shutil.rmtree(folder, ignore_errors=True)
    step("1/8 short videos of moving shapes, with captions and questions", "preprocess.shapes")
    generate(["--output", str(DATA)])
    step("2/8 videos to feature stores", "preprocess.videos")
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--frames", "8", "--output", str(DATA / f"{channel}.h5")]
        videos.main(["--videos", str(DATA / "videos"), *flags])
    step("3/8 captions and questions to numbers", "preprocess.captions, preprocess.questions")
    for command, name in ((captions, "captions"), (questions, "questions")):
        flags = ["--annotations", str(DATA), "--output", str(DATA / f"{name}.pt")]
        command.main(["--dataset", "shapes", *flags])
    step("4/8 training: an embedding, then answers", "train.py retrieval, train.py")
    train_on(["retrieval", "--preset", "shapes_retrieval"])
    train_on(["--preset", "shapes"])
    shown = _fill()
    last = json.dumps({**_use(shown), "seconds": round(time.perf_counter() - begin)})
    with whole_file(FINISHED) as partial:
        partial.write_text(last + "\n")
    print(last)
    return 0


def _fill() -> list[Described]:
    """The library's folder: test videos without the absent colour; foreign queries, which have it.

    Half of those teach what a search reaches by chance, half are held out.
    """
    told, asking = (
        json.loads((DATA / f"test_{kind}.json").read_text()) for kind in ("captions", "qa")
    )
    of: dict[str, list[tuple[str, str]]] = {}
    for row in asking:
        of.setdefault(row["video_id"], []).append((row["question"], row["answer"]))
    found, foreign = [], []
    (FOLDER / "videos").mkdir(parents=True, exist_ok=True)
    for row in told:
        texts, number = row["captions"], row["video_id"]
        if ABSENT in " ".join(texts).split():
            foreign += texts
            continue
        asked = [pair for pair in of.get(number, []) if pair[1] in texts[0].split()]
        found.append(Described(f"{number}.mp4", texts, asked[0] if asked else None))
        shutil.copy2(DATA / "videos" / f"{number}.mp4", FOLDER / "videos")
    queries = sorted(set(foreign))
    random.Random(18).shuffle(queries)
    half = len(queries) // 2
    for name, lines in (("foreign", queries[:half]), ("held_out", queries[half:])):
        (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found


def _use(shown: list[Described]) -> dict[str, float]:
    """Index, search, ask, re-rank, export -> what the last line says of it."""
    # Here and not above: help and a misspelt option shall not wait for torch.
    from library.__main__ import main as library

    of = ["--library", str(FOLDER / "library.db"), "--embedder", f"results/{RUN}"]
    foreign, hits = str(FOLDER / "foreign.txt"), str(FOLDER / "hits.jsonl")
    found = str(FOLDER / "found.jsonl")
    step("5/8 a folder of videos to a library", "library index")
    library(["index", str(FOLDER / "videos"), *of])
    step("6/8 what is looked for to moments", "library search")
    first = next(one for one in shown if one.asked is not None)
    absent = (FOLDER / "held_out.txt").read_text(encoding="utf-8").splitlines()[0]
    for query, *more in ([first.captions[0], "--anyway", "--output", found], [absent]):
        print(f'"{query}"')
        library(["search", query, *of, "--foreign", foreign, *more])
    numbers = _measure(of, foreign, shown)
    step("7/8 questions: to the library, and to another engine's list", "library ask, rerank")
    library(["ask", "who turns?", *of, "--run", f"results/{ANSWERS}", "--anyway", "--most", "50"])
    question, answer = first.asked or ("", "")
    print(f"{question} {answer}")
    flags = ["--question", question, "--answer", answer, "--run", f"results/{ANSWERS}"]
    library(["rerank", found, *of, *flags])
    step("8/8 found moments as edit lists, read by others", "library export")
    return {**numbers, "cuts_exact": round(_export(hits), 4)}


def _measure(of: list[str], foreign: str, shown: list[Described]) -> dict[str, float]:
    """R@1 before and after re-ranking, false alarms, time; writes some hits for the export."""
    from library.find.answering import Answering
    from library.find.finder import How
    from library.find.open import open_search
    from library.find.query import read_query
    from library.find.show import row_of, write_rows
    from library.search import asked
    from options.library.search import LibraryOptions, SearchOptions

    answering = Answering(f"results/{ANSWERS}", device="cpu")
    given = LibraryOptions(library=of[1], embedder=of[3], device="cpu")
    search = open_search(given, foreign, answering)
    captions = {one.file: one.captions for one in shown}
    right, reranked, misses, seconds, rows = [], [], [], [], []
    search.find(read_query("a circle"), How())  # the threshold is learned once
    chosen = random.Random(1).sample(shown, min(QUERIES, len(shown)))
    for one in tqdm(chosen, "searches", unit="query", leave=False, disable=None):
        query, how = read_query(one.captions[0]), How(anyway=True, text_weight=0)
        begin = time.perf_counter()
        result = search.find(query, how)
        seconds.append(time.perf_counter() - begin)
        misses.append(result.best <= result.threshold)
        found = [result]
        if one.asked is not None:
            options = SearchOptions(
                query=one.captions[0], question=one.asked[0], answer=one.asked[1],
                candidates=CANDIDATES,
            )  # fmt: skip
            found.append(asked(search, answering, result, options)[0])
        places = [search.shelf.places([f.moments[0].best]) for f in found]
        hits = [
            # Several videos show the same: all that a query is a caption of are right.
            one.captions[0] in captions[Path(place.path).name]
            for place in (p[f.moments[0].best] for p, f in zip(places, found, strict=True))
        ]
        right.append(hits[0])
        reranked.append(hits[-1])
        if len(rows) < CUTS:
            rows.append(
                row_of(
                    found[-1].moments[0], search.shelf.places([found[-1].moments[0].best]),
                    query=one.captions[0], weights=search.shelf.fingerprint,
                )
            )  # fmt: skip
    write_rows(FOLDER / "hits.jsonl", rows)
    held_out = (FOLDER / "held_out.txt").read_text(encoding="utf-8").splitlines()
    alarms = [bool(search.find(read_query(text), How(text_weight=0)).moments) for text in held_out]
    print(
        f"{len(right)} captions of {len(shown)} videos: the first hit is right for "
        f"{sum(right)}, re-ranked by a question for {sum(reranked)}; the threshold lets "
        f"{sum(alarms)} of {len(held_out)} queries of what is not there pass, and stops "
        f"{sum(misses)} of {len(misses)} of what is"
    )
    return {
        "r_at_1": round(statistics.mean(right), 4),
        "r_at_1_reranked": round(statistics.mean(reranked), 4),
        "false_alarms": round(statistics.mean(alarms), 4),
        "search_ms": round(1e3 * statistics.median(seconds), 1),
    }


def _export(hits: str) -> float:
    """The share of cuts, in each of several formats, that have the frames that were found."""
    from demo.cuts import READERS, rendered_exactly, wanted
    from library.__main__ import main as library

    rows = [json.loads(line) for line in Path(hits).read_text(encoding="utf-8").splitlines()]
    true = [wanted(row["video"], row["start"], row["end"]) for row in rows]
    exact: list[bool] = []
    for name, read in READERS.items():
        output = FOLDER / f"cuts.{name}"
        library(["export", hits, "--as", name, "--output", str(output)])
        found = read(output)
        exact += [a == b for a, b in zip(true, found, strict=True)]
    script = FOLDER / "cuts.txt"
    library(["export", hits, "--as", "ffmpeg", "--output", str(script)])
    rendered = rendered_exactly(script, true)
    if rendered is None:
        print("not rendered: there is no ffmpeg program")
    exact += rendered or []
    print(f"{sum(exact)} of {len(exact)} cuts have exactly the frames of their moments")
    return sum(exact) / len(exact)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
