"""Texts that break programs: what users, pages and machines have been seen to write, and chance.

`texts()` is the same list each time.  They are plain Python strings; some hold halves of surrogate
pairs, which JSON can carry (`\\ud83d`) and UTF-8 cannot.  Readers refuse some of them (empty, only
blanks, no word): a test that sends all of them anywhere must account for each.
"""

import random
import unicodedata

LONG = 100_000  # characters

# Words that mean something to this code base, to its files or to Python.
RESERVED = (
    "all", "All", "total", "type", "by_type", "other", "loss", "ce", "lr", "epoch", "step",
    "accuracy", "grad_norm", "score", "best", "last", "none", "None", "NULL", "null", "nan", "NaN",
    "inf", "-inf", "true", "True", "yes", "no", "on", "off", "~", "1e3", "0x1F", "007", "1_000",
    "<UNK>", "<UNK0>", "<UNK1>", "<NULL>", "<pad>", "what", "train", "val", "test", "real",
    "shuffled", "test-real", "test-real.json", "best.pt", "options.yaml", "__class__", "__init__",
    "format", "predictions", "id", "answer", "predicted", "questions", "B - A", "- A",
)  # fmt: skip
BLANKS = (
    "",
    " ",
    "\t",
    "\n",
    "  \r\n ",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\u200b",
    "\x1c",
    "?",
    " ? ",
)
CONTROL = (
    "a\x00b", "tail\x00", "\x00head", "bell\x07", "back\x08space", "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07", "\x7fdelete", "\x85next line", "carriage\rreturn", "line\nbreak",
    "tab\tstop", "page\x0cfeed", "para\u2029graph", "\ufeffmark", "mid\ufeffmark", "\ufffe",
    "\uffff", "soft\u00adhyphen", "zero\u200bwidth\u200djoiner", "e\u0301 and \u00e9",
    "Z" + "\u0316\u0317\u0318\u0319" * 30 + "algo", "\U000e0041tag", "\ue000private",
)  # fmt: skip
SURROGATES = ("\ud83d", "\ude00", "half \ud83d of a smile", "\ude00\ud83d", "caf\udce9.mp4")
DIRECTION = (
    "\u202egnp.exe", "\u2066isolated", "\u2069", "\u200frtl mark", "\u061cletter mark",
    "abc \u05d0\u05d1\u05d2 def", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643", "\u202d12\u202c",
)  # fmt: skip
MATHEMATICS = (
    "Ba$$in", "is it $5 or $10?", "$", "$$", r"\$", r"$\frac{1}{0}$", r"$\undefined$", "$a_{",
    "x_1^2", r"\alpha", r"\\", "\\", r"\n", r"\N{DIGIT ONE}", r"\u0041", "a^{b", "%d %s %(x)s",
    "{0} {name}", "{", "}}", "{{x}}", "$HOME", "${PATH}", "`ls`", "$(reboot)",
)  # fmt: skip
MARKUP = (
    "<script>alert(1)</script>", "</article><h1>", "<b>bold", "&amp;", "&", "&#x0;", "<!-- end -->",
    "<!-- table main -->", "]]>", "<img src=x onerror=alert(1)>", '"quoted"', "'single'", "a|b",
    "|", "||", "`code`", "```", "# heading", "* list", "[link](http://x)", "![p](x.png)", "---",
    "<bdi>", "</bdi>", "javascript:alert(1)",
)  # fmt: skip
FORMULAS = ("=cmd|' /C calc'!A0", "=1+1", "+1", "-1", "@SUM(A1)", "a,b", 'a"b', '"', "a;b", "'")
PATHS = (
    "../../etc/passwd",
    "/",
    "a/b",
    "a\\b",
    "C:\\x",
    ".",
    "..",
    "~",
    "*",
    "[a-z]*",
    "-Awo",
    "--",
)
YAML = (
    "- a",
    "a: b",
    "!!python/object:os.system",
    "&anchor",
    "*alias",
    "# no comment",
    "[a",
    "{a",
    ">",
)
SCRIPTS = (
    "什么颜色", "谁在跳舞？", "なに色ですか",
    "무슨 색", "какой цвет", "χρώμα", "रंग क्या", "สีอะไร", "ደመና", "ფერი",
    "գույն", "မြား", "கேள்வி", "庆𠮷野家", "😀", "👨\u200d👩\u200d👧",
    "🇩🇪", "❤\ufe0f", "𝕏𝟘", "İstanbul ı",
    "STRASSE straße", "ǅ", "ﬁsh", "ⅠⅡ", "½", "١٢٣",
)  # fmt: skip
NEARLY = ("Cat", "cat", "cat.", " cat", "cat ", "ca t", "CAT", "the cat", "cat?", "c\u0430t")
FIXED = (
    *RESERVED, *BLANKS, *CONTROL, *SURROGATES, *DIRECTION, *MATHEMATICS, *MARKUP, *FORMULAS,
    *PATHS, *YAML, *SCRIPTS, *NEARLY,
)  # fmt: skip


def texts(count: int = 300, *, seed: int = 0) -> list[str]:
    """`count` different texts: those above, a few very long ones, the rest by lot."""
    rng = random.Random(seed)
    found = dict.fromkeys(
        (
            *FIXED,
            "x" * LONG,  # one word
            "what " * (LONG // 5),  # many
            "\u8272" * LONG,
            "what is " + "$" * 1000,
        )
    )
    while len(found) < count:
        found[_by_lot(rng)] = None
    return list(found)[:count]


def legal_names() -> list[str]:
    """Those that can be a video's id: no path, no half of a surrogate pair, not too long a name."""
    return [
        text
        for text in texts()
        if text.strip() == text != ""
        and text not in (".", "..")
        and not set(text) & set("/\\\0")
        and not any("\ud800" <= c <= "\udfff" for c in text)
        and len(text.encode("utf-8")) <= 200
    ]


def _by_lot(rng: random.Random) -> str:
    """Pieces of the texts above and single characters of anywhere, joined."""
    pieces = []
    for _ in range(rng.randint(1, 8)):
        if rng.random() < 0.4:
            pieces.append(rng.choice(FIXED)[:40])
        else:
            pieces.append(_character(rng) * rng.choice((1, 1, 1, 2, 9)))
    return rng.choice(("", " ", "_", "\n")).join(pieces)


def _character(rng: random.Random) -> str:
    """A character that Unicode has given a meaning, of any plane."""
    while True:
        character = chr(rng.choice((rng.randrange(0x300), rng.randrange(0x11_0000))))
        if unicodedata.category(character) not in ("Cn", "Co"):
            return character
