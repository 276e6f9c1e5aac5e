"""Moments of clips: merged, folded, ordered."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from library.find.moments import Found, Moment, fold, in_order, merge, one_a_file


def clips(*scores: float, file: int = 0, seconds: float = 2.0) -> list[Found]:
    return [
        Found(100 * file + i, file, i, seconds * i, seconds * (i + 1), score)
        for i, score in enumerate(scores)
    ]


def spans(moments: list[Moment]) -> list[tuple[int, float, float, float]]:
    return [(m.file, m.start, m.end, m.score) for m in moments]


def test_a_moment_grows_from_its_best_clip() -> None:
    found = clips(0.1, 0.8, 0.9, 0.85, 0.1, 0.1, 0.7)
    assert spans(merge(found, drop=0.15)) == [
        (0, 2.0, 8.0, 0.9), (0, 12.0, 14.0, 0.7), (0, 0.0, 2.0, 0.1), (0, 8.0, 12.0, 0.1),
    ]  # fmt: skip
    (first, *_) = merge(found, drop=0.15)
    assert (first.best, first.clips) == (2, (1, 2, 3))


def test_clips_that_do_not_touch_are_two_moments() -> None:
    one, _, two = clips(0.9, 0.9, 0.9)
    assert spans(merge([two, one], drop=1)) == [(0, 0.0, 2.0, 0.9), (0, 4.0, 6.0, 0.9)]
    other = clips(0.9, file=1)
    assert len(merge([one, *other], drop=1)) == 2


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1)), max_size=30), st.floats(0, 1))
def test_every_clip_is_in_one_moment(scored: list[tuple[int, float]], drop: float) -> None:
    found = [Found(i, f, i, i * 1.0, i + 1.5, s) for i, (f, s) in enumerate(scored)]
    moments = merge(found, drop)
    assert sorted(c for m in moments for c in m.clips) == list(range(len(found)))
    by_id = {clip.clip: clip for clip in found}
    for moment in moments:
        own = [by_id[clip] for clip in moment.clips]
        assert moment.score == max(clip.score for clip in own) == by_id[moment.best].score
        assert min(clip.score for clip in own) >= moment.score - drop
        assert moment.start == own[0].start and moment.end == max(clip.end for clip in own)
        assert {clip.file for clip in own} == {moment.file}
    assert [m.score for m in moments] == sorted((m.score for m in moments), reverse=True)


def test_near_duplicates_are_folded_into_the_best() -> None:
    a, b, c = (merge(clips(score, file=file), 0)[0] for file, score in enumerate((0.9, 0.8, 0.7)))
    vectors = np.array([[1, 0], [0.999, 0.0447], [0, 1]], np.float32)
    kept = fold([a, b, c], vectors, [0, 100, 200])
    assert [(m.best, m.like) for m in kept] == [(0, (100,)), (200, ())]
    assert len(fold([a, b, c], vectors, [0, 100, 200], alike=1.1)) == 3
    assert fold([], np.empty((0, 2), np.float32), []) == []


def test_one_of_each_file() -> None:
    moments = merge([*clips(0.5, 0.1, 0.9), *clips(0.7, file=1)], drop=0)
    assert spans(one_a_file(moments)) == [(0, 4.0, 6.0, 0.9), (1, 0.0, 2.0, 0.7)]


def test_one_before_another() -> None:
    cut = merge([*clips(0.9, 0.2, 0.8), *clips(0.1, 0.2, 0.95, file=1)], drop=0)
    fry = merge([*clips(0.1, 0.6, 0.3), *clips(0.9, 0.1, 0.1, file=1)], drop=0)
    ((hit, other), (weak, _)) = in_order(cut, fry, asked=0)
    assert (hit.file, hit.start, hit.score) == (0, 0.0, 0.6) and other.start == 2.0
    assert weak.file == 1 and weak.score < 0.3  # there frying is first: only chance pairs are left
    ((hit, other), *_) = in_order(cut, fry, asked=1)
    assert (hit.file, hit.start, hit.score) == (0, 2.0, 0.6) and other.start == 0.0
    assert in_order(cut, [], asked=0) == []
    same = merge(clips(0.9), drop=0)
    assert in_order(same, same, asked=0) == []  # one moment is not before itself
