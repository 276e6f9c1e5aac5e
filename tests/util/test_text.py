import pytest

from util.text import cells_of, clipped, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("what is a man riding?", "what is a man riding?"),
        ("two\nlines\tand\x1b[31m red", r"two\nlines\tand\x1b[31m red"),
        ("right\u202eto left\u2066", r"right\u202eto left\u2066"),
        ("caf\udce9", r"caf\udce9"),
        ("\ufefffirst", r"\ufefffirst"),
        ("cafe\u0301", "caf\u00e9"),
        ("日本語 ÄÖ 👩\u200d🔬 $5", "日本語 ÄÖ 👩\u200d🔬 $5"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode("utf-8")


def test_columns_of_a_terminal() -> None:
    assert cells_of("abc") == 3 and cells_of("日本語 a") == 8
    assert cells_of("e\u0301") == 1 and cells_of("a\u200db") == 2


def test_long_texts_are_cut() -> None:
    assert clipped("abcdef", 6) == "abcdef" and clipped("abcdefg", 6) == "abcde…"
    assert clipped("\n\n\n\n", 6) == r"\n\n\…"
