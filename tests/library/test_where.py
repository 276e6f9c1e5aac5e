"""Filters: what they keep in a real SQLite library, and that no value ever becomes SQL."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.where import KEYS, read_where, sql_of
from util.errors import UserError

DAY = 86400 * 10**9
FILES = [
    # id, path, name, size, mtime_ns, duration, rate, width, height
    (1, "/v/holiday/cat_1.mp4", "cat_1.mp4", 5_000, 19723 * DAY, 8.0, 25.0, 1920, 1080),
    (2, "/v/holiday/2024/Dog!.mp4", "Dog!.mp4", 5_000_000, 19800 * DAY, 80.0, 30.0, 640, 480),
    (3, "/v/jobs/my cats.mov", "my cats.mov", 70_000, 19000 * DAY, 10.0, 25.0, 1280, 720),
    (4, "/v/jobs/x.mp4", "x.mp4", 70_000, 19000 * DAY, None, 25.0, 1280, 720),
]
TEXTS = [(1, "tag", "draft"), (2, "caption", "a dog rides a horse"), (3, "action", "ride")]


@pytest.fixture(scope="module")
def library() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", check_same_thread=False)
    made.execute("create table file(id, path, name, size, mtime_ns, duration, rate, width, height)")
    made.execute("create table clip(id, file)")
    made.execute("create table text(clip, kind, text)")
    made.executemany("insert into file values (?,?,?,?,?,?,?,?,?)", FILES)
    made.executemany("insert into clip values (?, ?)", [(f[0] * 10, f[0]) for f in FILES])
    made.executemany("insert into text values (?,?,?)", [(c * 10, k, t) for c, k, t in TEXTS])
    return made


def kept(library: sqlite3.Connection, where: str) -> list[int]:
    part, values = sql_of(read_where(where))
    rows = library.execute(
        f"select file.id from file join clip on clip.file = file.id where {part} order by 1", values
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("where", "files"),
    [
        ("", [1, 2, 3, 4]),
        ("duration<10", [1]),
        ("duration<=10s", [1, 3]),
        ("-duration<=10", [2]),  # of 4 it is not known
        ("folder:holiday", [1, 2]),
        ("folder:HOLIDAY/", [1, 2]),
        ("folder:/v/holiday", [1, 2]),
        ("folder:/holiday", []),
        ("folder:holi", []),
        ("folder:holi*", [1, 2]),
        ("folder:holiday/2024", [2]),
        ("-folder:holiday", [3, 4]),
        ("name:cat*", [1]),
        ("name:*cat*", [1, 3]),
        ("name:cat?1.mp4", [1]),
        ("name:cat__.mp4", []),
        ("name:dog!.mp4", [2]),
        ('name:"my cats.mov"', [3]),
        ("name:%", []),
        ("after:2024-01-01", [1, 2]),
        ("after:2024-01-01T00:00:01", [2]),
        ("before:2024-01-01", [3, 4]),
        ("width>=1280 height<1080", [3, 4]),
        ("rate=30", [2]),
        ("size>=5M", [2]),
        ("size<5.1k", [1]),
        ("tag:draft", [1]),
        ("-tag:draft", [2, 3, 4]),
        ("tag:draf", []),
        ("action:ride folder:jobs", [3]),
        ("caption:horse", [2]),
    ],
)
def test_kept(library: sqlite3.Connection, where: str, files: list[int]) -> None:
    assert kept(library, where) == files


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("horse", "write KEY:VALUE"),
        ("durations<3", "did you mean duration?"),
        ("colour:red", "there are duration"),
        ("duration<ten", "a number"),
        ("duration<10M", "a number"),
        ("size<" + "9" * 400, "smaller"),
        ("name<cat", "compared with `:`"),
        ("after:yesterday", "2024-01-31"),
        ("after:9999-99-99", "2024-01-31"),
        ("after:0001-01-01T00:00+23:59", "--where"),
        ('name:"cat', "write KEY:VALUE"),
        ('name:""', "give a value"),
        ("name:a\0b", "give a value"),
        ("name:\udc80b", "write it in UTF-8"),
        ("tag:x\x1b[2J name", "write KEY:VALUE"),
    ],
    ids=lambda text: text[:20],
)
def test_mistakes(where: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_where(where)
    line = str(caught.value)
    assert said in line and len(line) < 300 and line.isprintable()


@given(key=st.sampled_from(KEYS), value=st.text(max_size=30), sign=st.sampled_from([":", "<", "="]))
def test_values_never_become_sql(library, key: str, value: str, sign: str) -> None:
    where = f'{key}{sign}"{value}"'
    try:
        conditions = read_where(where)
    except UserError:
        return
    part, values = sql_of(conditions)
    assert len(values) == part.count("?")
    assert "'" not in part.replace("'/'", "").replace("'!'", "")  # but for our own words
    kept(library, where)


@given(
    value=st.text(st.characters(codec="utf-8", exclude_characters='"*?\0'), min_size=1, max_size=12)
)
def test_a_name_finds_itself_alone(value: str) -> None:
    """Whatever it has that LIKE would read as a pattern."""
    part, values = sql_of(read_where(f'name:"{value}"'))
    made = sqlite3.connect(":memory:")
    made.execute("create table file(name)")
    made.execute("create table clip(id)")
    made.executemany("insert into file values (?)", [(value,), (value + "x",), ("x" + value,)])
    assert made.execute(f"select name from file where {part}", values).fetchall() == [(value,)]
