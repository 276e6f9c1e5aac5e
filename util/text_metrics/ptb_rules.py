"""What may be a token in the Penn Treebank's style, as CoreNLP 3.4.1's PTBTokenizer has it.

`RULES` is a table of regular expressions over a text's shape, in which every letter that is not
ASCII is `é` (`shape_of`).  At a place of the text the rule that matches most characters wins, and
of those the first; group 1 is the token, and what is matched after it is context that must follow.
Written from the tokeniser's documentation and from what the program answers: the lists of words
were asked for word by word, the characters one by one.
"""

import re
import unicodedata

# Signs beyond ASCII that the program knows; it leaves out the others, emoji among them.
_SIGNS_KEPT = re.compile(
    "[\x80\x91-\x94\x96\x97¡-©«-¬®-´¶-¹»-¿×÷\u037e\u0387։־׀׃׆׳-״؀-؃؆-،\u0614؛؞-؟٪٭۔܀-܍߶-߸।-॥฿๏"
    "\u2013-\u2023\u2026\u2030-\u203b\u203e-\u2042\u2044⁰⁴-⁾₀-₎₠₤€℀-℁℃-℆℈-℉℔№-℘℞-℣℥℧℩℮"
    "℺-℻⅀-⅄⅊-⅍⅏⅓-⅞\u1fbd\u2190-\u2bff\u3001-\u3002〒・\uff01-\uff0f\uff1a-\uff20"
    "\uff3b-\uff40\uff5b-\uff65￠-￡￥-￦]"
)
# Marks that combine with the letter before them, and the like, from U+02C2 to U+0ECD.
_MARKS = re.compile(
    "[\xad˂-˅˒-˟˥-˫˭˯-\u036f͵΄-΅϶\u0483-\u0487՚-՟\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5"
    "\u05c7\u0615-\u061a\u064b-\u065e\u0670\u06d6-\u06e4\u06e7-\u06ed۽-۾܏\u0711\u0730-\u074c"
    "\u07a6-\u07b0\u07eb-\u07f3\u0900-\u0903\u093c\u093e-\u094e\u0951-\u0955\u0962-\u0963"
    "\u0981-\u0983\u09bc\u09be-\u09c4\u09c7-\u09c8\u09cb-\u09cd\u09d7\u09e2-\u09e3\u0a01-\u0a03"
    "\u0a3c\u0a3e-\u0a4f\u0a81-\u0a83\u0abc\u0abe-\u0acf\u0b82\u0bbe-\u0bc2\u0bc6-\u0bc8"
    "\u0bca-\u0bcd\u0c01-\u0c03\u0c3e-\u0c56\u0d3e-\u0d44\u0d46-\u0d48\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd]"
)


class _Shapes(dict[int, str]):
    """A character's shape by its number: `é` a letter, `ˆ` a mark, `5` a digit, a blank unknown."""

    def __missing__(self, number: int) -> str:
        character = chr(number)
        kind = unicodedata.category(character)
        if number < 0x80 or character == "\xa0":
            shape = character
        elif character in "\u2010\u2011\u058a":  # hyphens that join words
            shape = "‐"
        elif _MARKS.match(character):
            shape = "ˆ"
        elif _SIGNS_KEPT.match(character):
            shape = character
        elif number > 0xFFFF or kind[0] not in "LN" or kind in ("Nl", "No"):
            shape = " "
        else:
            shape = "5" if kind == "Nd" else "é"
        self[number] = shape
        return shape


_SHAPES = _Shapes()


def shape_of(text: str) -> str:
    """The text with a stand-in for each character that is not ASCII; as long as the text."""
    return text if text.isascii() else text.translate(_SHAPES)


A = "['’\x92]"  # an apostrophe
A_INSIDE = "['’‘`\x91\x92]"  # what stands for one between letters
LETTER = r"(?:[A-Za-zéˆ]|(?i:&[aeiou](?:acute|grave|uml);))"
WORD = rf"{LETTER}(?:{LETTER}|[0-9])*(?:[.!?]{LETTER}(?:{LETTER}|[0-9])*)*"
NUMBER = r"(?:[0-9]*(?:[.:,][0-9]+)+|[0-9]+)"
# What stands between hyphens: letters and digits, or a name such as d'Or.
PIECE = rf"(?:[dDoOlL]{A_INSIDE}[A-Za-zé])?[A-Za-z0-9é]+"
ACRONYM = r"[A-Za-z](?:\.[A-Za-z])+"

# Abbreviations that keep their full stop whatever follows: those that may end a sentence, and those
# that may not.
_ENDING = (
    "al ala apr ariz assn aug bancorp bhd bldg blvd bros calif co colo conn corp cos ct dak dec "
    "ed.d esq est etc ext feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md "
    "mich minn mo mon mont neb nev nov oct okla penn ph.d plc pptys pte ptes pty rd rt sep sept "
    "seq sq sr sys tel tenn thu thurs tue tues univ va vt wed wis wisc wyo"
)
_TITLES = (
    "adj adm adv alex assoc asst atty ave brig capt cf cie cmdr col comdr cpl dept det dr drs "
    "elec ens ft gen gov govs hon insp jos lieut lt maj messrs mfg mlle mme mr mrs ms msgr mt mtg "
    "natl pfc ph pres prof profs pvt rep reps rev sen sens sfc sgt spc st ste supt treas vs wm"
)
_CAPITALISED = "ark az del ill la mass miss ore pa tex wash"  # Ark., but not ark.
_BEFORE_NUMBER = "art ca fig figs no nos op pp prop"  # No. 5, but not "no."
# Words that begin a sentence after a lone letter: "Plan B. The man" ends one, "B. Smith" does not.
_STARTERS = (
    "A About According Additionally After An As At But Earlier He Her Here However If In It Last "
    "Many More Now Once One Other Our She Since So Some Such That The Their Then There These They "
    "This We What When While Yet You"
)


def _any(words: str, capitalised: bool = False) -> str:
    """One of those words, in any case; with a capital first where `capitalised`."""
    ordered = sorted(words.split(), key=len, reverse=True)
    if capitalised:
        return "(?:" + "|".join(f"{word[0].upper()}(?i:{word[1:]})" for word in ordered) + ")"
    return "(?i:" + "|".join(map(re.escape, ordered)) + ")"


ABBREVIATIONS = frozenset(f"{_ENDING} {_TITLES} {_CAPITALISED} {_BEFORE_NUMBER}".split())
_CLITIC = rf"{A}(?i:s|m|d|ll|re|ve)"
_END = "(?![A-Za-z0-9])"
_FILE_ENDINGS = (
    "bat bmp c class cgi cpp dll doc docx exe gif gz h htm html jar java jpg jpeg mov mp3 pdf php "
    "pl png ppt ps py sql tar txt wav x xml zip wma wmv avi mpg mpeg"
)

# Words that are two tokens, and how many letters the first one has.
CONTRACTED = {"cannot": 3, "gonna": 3, "gotta": 3, "wanna": 3, "gimme": 3, "lemme": 3}
# Whole words with an apostrophe that follow no rule.
_ODD = "c’mon c’est e’er s’mores ev’ry li’l nat’l o’o nor’easter cap’n"

_PATH = r"[^ \t\n\r\f<>\"()|{}]"  # a character of a web address
_LAST = r"[^ \t\n\r\f<>\"()|.!?{},-]"  # its last one
_MAIL = r"[^\s<>\"()|{}]"
_LABEL = r"[^\s<>\"()|{}.]"
_EMAIL = rf"[a-zA-Z0-9]{_MAIL}*@(?:{_LABEL}+\.)*{_LABEL}+(?:>|&gt;)?"
_DOMAIN = r"(?:[^\s<>\"()|{}'`!?$,-_]+\.)+(?i:com|org|net|edu)"  # no digits, capitals, hyphens
_NUMBERED = "[a-zA-Z0-9][a-zA-Z0-9.,]*(?:-[a-zA-Z0-9]+)+"
_SIDE = "[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
_ANYWHERE = [  # where a letter or a digit begins
    rf"({PIECE}(?:[-‐_]{PIECE})*)",  # well-known
    rf"({_SIDE}(?:\\?/{_SIDE}){{1,2}})",  # and/or
    rf"({_NUMBERED})",  # 10,000-acre, U.S.-based
    rf"({PIECE}(?:[-_]{PIECE})*-{ACRONYM}\.)",  # non-U.S.
    rf"({ACRONYM}\.(?:-{PIECE})*-{ACRONYM}\.)",  # U.S.-U.K.
    rf"([a-zA-Z0-9]+(?:\.[a-zA-Z0-9]+)*\.{_any(_FILE_ENDINGS)})(?=[\s.,;!?]|$)",
    rf"({_EMAIL})",
    rf"((?:{WORD}|{PIECE}(?:[-_]{PIECE})*|{_NUMBERED})\.)[,;:]",  # no sentence ends before a comma
]
_NUMBERS = [
    rf"([+-]?{NUMBER})",
    r"((?:[0-9]{1,4}[- \u00a0])?[0-9]{1,4}\\?/[0-9]{1,4})",  # 1 1/2
    r"([0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{2,4})",  # a date
]
_TELEPHONE = (
    r"((?:\([0-9]{2,3}\)[ \u00a0]?|\+{0,2}(?:[0-9]{2,4}[- \u00a0])?[0-9]{2,4}[- \u00a0])"
    r"[0-9]{3,4}[- \u00a0]?[0-9]{3,5})"
)
_WORDS = [
    *(f"({_any(word[:n])}){_any(word[n:])}{_END}" for word, n in CONTRACTED.items()),
    rf"({WORD})",
    "((?i:anti|pro)-)",
    rf"({WORD}){_CLITIC}(?![A-Za-z]).?",  # it's
    rf"([A-Za-z]+?)[nN]{A_INSIDE}[tT]",  # don't
    rf"([nN]{A_INSIDE}[tT])",
    rf"((?i:[ldj]){A})",  # l'
    rf"((?i:y){A})[A-Za-zé]",  # y'all
    rf"((?i:dunkin|somethin|ol){A})",
    rf"([A-HJ-XZdlno]{A_INSIDE}{LETTER}{{2}}{LETTER}*)",  # O'Brien
    rf"({LETTER}+[aeiouyAEIOUY]{A_INSIDE}[aeiouA-Z]{LETTER}*)",  # Hawai'i
    f"({_any(_ODD).replace('’', A_INSIDE)})",
    rf"((?i:https?)://{_PATH}+{_LAST})",
    rf"((?i:www)\.(?:[^\s<>\"()|.!?{{}},]+\.)+[a-zA-Z]{{2,4}}(?:/{_PATH}+{_LAST})?)",
    rf"({_DOMAIN}(?:/{_PATH}+{_LAST})?)",
    rf"({_any(_ENDING)}\.|{_any(_CAPITALISED, True)}\.)(?s:..)?",
    *_ANYWHERE,
    r"([A-Z]+\$)",  # US$
    r"([A-Z]+(?:(?:[&+]|&(?i:amp);)[A-Z]+)+)",  # AT&T
    r"((?i:s&(?:amp;)?(?:ls|p-500)))",
    r"((?i:c\+\+|[cf]#))",
    rf"({_any(_TITLES)}\.)",
    rf"({ACRONYM}\.)",
    r"([A-Za-z]\.)",
    rf"([A-Za-z])\.\s+(?:{_any(_STARTERS, True)}|(?i:m[rs])\.|</?[A-Za-z][^<>@]*>)(?:\s|$)",
    rf"({_any(_BEFORE_NUMBER)}\.)[ \u00a0]?[0-9]",
]
_LETTER_ENTITY = rf"({WORD})"  # caf&eacute;, &eacute;t&eacute;
_FACE = r"[-^x=~<>']"
_SIGNS = [
    r"(<[!?][A-Za-z-][^>\r\n]*>)",  # markup
    r"(</[A-Za-z][\w:.-]*[ ]*>)",
    r"(<[A-Za-z][\w:.-]*(?:[ ]+[A-Za-z][\w:.-]*(?:[ ]*=[ ]*(?:'[^']*'|\"[^\"]*\"))?)*[ ]*/?>)",
    rf"((?:<|&lt;){_EMAIL})",
    r"((?i:&(?:mdash|md|ndash|amp|lt|gt|quot|apos|nbsp|#[0-9]+);))",
    rf"({_CLITIC})(?![A-Za-z]).?",
    r"([’\x92](?i:s|m|d|ll|re|ve))",
    "('[tT])(?i:is|was)",
    rf"({A}(?i:till?|em|cause))",
    rf"({A}(?i:n){A})",
    rf"({A}[2-9]0(?i:s))",  # the '90s
    r"(')[A-Za-z]\S",  # the opening of a quotation
    rf"({A}(?i:n))",
    rf"({A}[0-9][0-9])(?=\s|$)",  # '05
    r"(@[a-zA-Z_][a-zA-Z_0-9]*)",
    "(#[A-Za-zéˆ]+)",
    r"(``|''|<<|>>|[!?]+|--+|(?:\\\*)+|\*+|_+|#+|@+)",
    "([`‘’‛“”«»‹›\x91-\x94]{1,2})",
    r"(\.{3,5}|\.(?:[ \u00a0]\.){2,3})",
    rf"([<>]?[:;=][-o*']?[()DPdpO\\{{@|[\]]){_END}",  # smiling faces
    rf"({_FACE}_{_FACE}|\({_FACE}[_.]?{_FACE}\)|\([\^x=~<>']-[\^x=~<>'`]\))",
    "(-(?i:lrb|rrb|lsb|rsb|lcb|rcb)-)",
    rf"({_DOMAIN}(?:/{_PATH}+{_LAST})?)",
    r"(\S)",
]
# By the first character: a letter, a digit, another sign.
RULES = {
    "letter": [re.compile(rule) for rule in _WORDS],
    "digit": [re.compile(rule) for rule in [*_NUMBERS, _TELEPHONE, *_ANYWHERE]],
    "sign": [re.compile(rule) for rule in [_NUMBERS[0], _TELEPHONE, _LETTER_ENTITY, *_SIGNS]],
}
