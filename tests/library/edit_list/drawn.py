"""Random edit lists at a rate, of sources that need no file."""

import random
from fractions import Fraction

from library.edit_list.cuts import Audio, Cut, EditList, Source
from library.edit_list.rate import RATES, Rate, labels_a_second, read_timecode

NAMES = (
    "a.mp4", "two words.mov", "quote's \"here\".mkv", "a&b<c>.mp4", "50%.mp4", "100#1?x=y.mp4",
    "Zoë 映画.mp4", "semi;colon,comma[1].mp4", "back\\slash.mp4", "=cmd.avi", "line\nbreak.mp4",
)  # fmt: skip
# What the issue names; further ones have the same code.
RATE_NAMES = ("23.976", "24", "25", "29.97df", "29.97", "30", "50", "59.94")


def edit_list(rng: random.Random, rate: Rate, *, most_cuts: int = 8, tracks: int = 3) -> EditList:
    """Sources up to two hours long, cuts anywhere in them: often 90 minutes and more in all."""
    sources = [_source(rng, rate, number) for number in range(rng.randint(1, 4))]
    cuts = tuple(
        _cut(rng, rng.choice(sources), rng.randint(1, tracks))
        for _ in range(rng.randint(1, most_cuts))
    )
    start = 0
    if labels_a_second(rate.fps):
        start, _ = read_timecode(f"01:00:00{';' if rate.drop else ':'}00", rate.fps)
    return EditList("drawn", rate, start, cuts)


def foreign(rng: random.Random, edits: EditList) -> EditList:
    """The same with a cut of a source of another rate."""
    others = [rate for rate in RATES.values() if rate.fps != edits.rate.fps]
    source = _source(rng, rng.choice(others), 9)
    cuts = [*edits.cuts, _cut(rng, source, 1)]
    rng.shuffle(cuts)
    return EditList(edits.name, edits.rate, edits.start, tuple(cuts))


def _source(rng: random.Random, rate: Rate, number: int) -> Source:
    frames = max(1, int(rng.choice((1, 10, 600, 5400, 7200)) * rng.random() * rate.fps))
    drop = rate.drop
    return Source(
        f"/films {number}/{rng.choice(NAMES)}", f"{rng.getrandbits(256):064x}",
        Rate(rate.fps, drop=drop), frames, 1280, 720,
        timecode=rng.choice((None, 0, rng.randrange(int(12 * 3600 * rate.fps)))),
        first=rng.choice((Fraction(0), Fraction(1001, 30000))),
        audio=rng.choice((None, Audio(1, 44_100), Audio(2, 48_000), Audio(6, 48_000))),
        indexed=rng.random() < 0.5,
    )  # fmt: skip


def _cut(rng: random.Random, source: Source, track: int) -> Cut:
    begin = rng.randrange(source.frames)
    end = min(source.frames, begin + 1 + int(rng.choice((0, 1, 100, 100_000)) * rng.random()))
    head = rng.randint(0, (end - begin - 1) // 2)
    return Cut(
        source, begin, end, head=head, tail=rng.randint(0, (end - begin - 1) // 2), track=track,
        query=rng.choice(("", "a man rides", "]]> & <b>\n* FROM CLIP NAME: x")),
        why=rng.choice(("", "=1+1")), weights=rng.choice(("", "abc123")),
        score=rng.choice((None, rng.random(), -1.5)),
    )  # fmt: skip
