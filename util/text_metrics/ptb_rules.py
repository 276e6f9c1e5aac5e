"""What may be a token in the Penn Treebank's style, as CoreNLP 3.4.1's PTBTokenizer has it.

`RULES` is a table of regular expressions.  At a place of the text the rule that matches most
characters wins, and of those the first; group 1 is the token, and what is matched after it is
context that must follow.  Written from the tokeniser's documentation and from what the program
answers: the lists of abbreviations were asked for word by word.
"""

import re

A = "['’]"  # an apostrophe
LETTER = r"(?:[^\W\d_]|[\u00ad\u0300-\u036f]|(?i:&[aeiou](?:acute|grave|uml);))"
WORD = rf"{LETTER}(?:{LETTER}|[0-9])*(?:[.!?]{LETTER}(?:{LETTER}|[0-9])*)*"
NUMBER = r"(?:[0-9]*(?:[.:,][0-9]+)+|[0-9]+)"
# What stands between hyphens: letters and digits, or a name such as d'Or.
PIECE = rf"(?:[dDoOlL]{A}[^\W\d_])?[^\W_]+"
ACRONYM = r"[A-Za-z](?:\.[A-Za-z])+"

# Abbreviations that keep their full stop, whatever follows.
_ALWAYS = (
    "adj adm adv al ala alex apr ariz assn assoc asst atty aug ave bancorp bhd bldg blvd brig "
    "bros calif capt cf cie cmdr co col colo conn corp cos cpl ct dak dec dept det dr drs ed.d "
    "elec ens esq est etc ext feb fla fri ft ga gen gov govs hon inc ind insp intl jan jos jr jul "
    "jun kan ky lieut lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms msgr "
    "mt mtg natl neb nev nov oct okla penn pfc ph ph.d plc pptys pres prof profs pte ptes pty pvt "
    "rd rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt sys tel tenn thu "
    "thurs treas tue tues univ va vs vt wed wis wisc wm wyo"
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


ABBREVIATIONS = frozenset(f"{_ALWAYS} {_CAPITALISED} {_BEFORE_NUMBER}".split())
_ABBREVIATION = rf"(?:{_any(_ALWAYS)}|{_any(_CAPITALISED, True)})"
_CLITIC = rf"{A}(?i:s|m|d|ll|re|ve)"
_END = "(?![A-Za-z0-9])"
_PATH = r"[^\s<>\"'()|{}\[\]]"  # a character of a web address
_LAST = r"[^\s<>\"'()|{}\[\].,;:!?-]"  # its last one
_DOMAIN = "(?i:com|org|net|edu|gov|info|biz|us|uk|de|ru)"
_ENDINGS = (
    "bat bmp c class cgi cpp dll doc docx exe gif gz h htm html jar java jpg jpeg mov mp3 pdf php "
    "pl png ppt ps py sql tar txt wav x xml zip wma wmv avi mpg mpeg"
)

# Words that are two tokens, and how many letters the first one has.
CONTRACTED = {"cannot": 3, "gonna": 3, "gotta": 3, "wanna": 3, "gimme": 3, "lemme": 3}

_NUMBERS = [
    rf"([+-]?{NUMBER})",
    r"((?:[0-9]{1,4}[- \u00a0])?[0-9]{1,4}/[0-9]{1,4})",  # 1 1/2
    r"([0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{2,4})",  # a date
    r"((?:\+?[0-9]{1,3}[ \u00a0.-])?(?:\([0-9]{2,3}\)[ \u00a0]?|[0-9]{2,4}[ \u00a0.-])"
    r"[0-9]{3,4}[ \u00a0.-]?[0-9]{3,5})",  # a telephone number
    rf"([0-9][0-9.,]*(?:-{PIECE})+)",  # 10,000-acre
]
_COMPOUNDS = [
    rf"({PIECE}(?:[-_]{PIECE})*)",  # well-known
    rf"({PIECE}(?:-{PIECE})*(?:/{PIECE}(?:-{PIECE})*){{1,2}})",  # and/or
    rf"([a-zA-Z0-9]+\.{_any(_ENDINGS)}){_END}",  # a file
    r"([a-zA-Z0-9][^\s\"<>|()\u00a0]*@(?:[^\s\"<>|().\u00a0]+\.)*[^\s\"<>|().,;:!?\u00a0]+)",
    rf"((?:\w+\.)+{_DOMAIN}(?:/{_PATH}*{_LAST})?)",
]
_CONTRACTIONS = [f"({_any(word[:n])}){_any(word[n:])}{_END}" for word, n in CONTRACTED.items()]
_WORDS = [
    rf"({WORD})",
    rf"({WORD}){_CLITIC}(?![A-Za-z]).?",  # it's
    rf"({LETTER}+?)[nN]{A}[tT]",  # don't
    rf"([nN]{A}[tT])",
    rf"((?i:[ldj]){A})",  # l'
    rf"((?i:y){A})[^\W\d_]",  # y'all
    rf"((?i:dunkin|somethin|ol){A})",
    rf"([A-HJ-XZdlno]{A}{LETTER}{{2}}{LETTER}*)",  # O'Brien
    rf"({LETTER}+[aeiouyAEIOUY]{A}[aeiouA-Z]{LETTER}*)",  # Hawai'i
    rf"((?i:c{A}mon|c{A}est|e{A}er|s{A}mores|ev{A}ry|li{A}l|nat{A}l|o{A}o|nor{A}easter|cap{A}n))",
    rf"((?i:https?)://{_PATH}*\.{_PATH}*{_LAST})",
    rf"((?i:www)\.(?:{_PATH}+\.)+[a-zA-Z]{{2,4}}(?:/{_PATH}*{_LAST})?)",
    rf"((?:{ACRONYM}\.?|[A-Za-z]\.)(?:-{PIECE})+)",  # U.S.-based
    r"([A-Z]+&(?:amp;)?[A-Z]+(?:&[A-Z]+)*)",  # AT&T
    r"((?i:c\+\+|[cf]#))",
    rf"({_ABBREVIATION}\.)",
    rf"({ACRONYM}\.)",
    r"([A-Za-z]\.)",
    rf"([A-Za-z])\.\s+{_any(_STARTERS, True)}\s",
    rf"({_any(_BEFORE_NUMBER)}\.)[ \u00a0]?[0-9]",
]
_SIGNS = [
    r"(<[!?][A-Za-z-][^>\r\n]*>)",
    r"(</?[A-Za-z][\w:.-]*(?:\s+[A-Za-z][\w:.-]*(?:\s*=\s*(?:'[^']*'|\"[^\"]*\"))?)*\s*/?>)",
    r"((?i:&(?:mdash|md|ndash|amp|lt|gt|quot|apos|nbsp);))",
    rf"({_CLITIC})(?![A-Za-z]).?",
    rf"({A}(?i:t))(?i:is|was)",
    rf"({A}(?i:till?|em|cause))",
    rf"({A}(?i:n){A}|{A}(?i:n))(?![A-Za-z])",
    rf"({A}[2-9]0(?i:s))",  # the '90s
    rf"({A}[0-9][0-9])(?=\s|$)",  # '05
    r"(@[a-zA-Z_]\w*)",
    r"(#[^\W\d_]+)",
    r"(``|''|[!?]+|--+)",
    r"(\.\.\.+|\.(?:[ \u00a0]\.){2,3})",
    rf"(:-?[()DP]|[;=]-?[()]){_END}",  # a smiling face
    r"(\S)",
]
# By the first character: a letter, a digit, another sign.
RULES = {
    "letter": [re.compile(rule) for rule in _CONTRACTIONS + _COMPOUNDS + _WORDS],
    "digit": [re.compile(rule) for rule in _NUMBERS + _COMPOUNDS],
    "sign": [re.compile(rule) for rule in _NUMBERS[:1] + _NUMBERS[3:4] + _SIGNS],
}
