"""Queries of what videos hardly show: what a search finds of them is there by chance."""

import random
from collections.abc import Sequence

from util.errors import UserError
from util.text_file import read_text

LEAST = 19  # queries without which a rate of 5 % cannot be told
TIMES = 7  # that each of the words below is said; 399 queries, the 380th best score the threshold
WHO = (
    "an admiral", "an ambassador", "an antelope", "an archaeologist", "an architect",
    "a beekeeper", "a bishop", "a blacksmith", "a bodyguard", "a brewer", "a butcher", "a butler",
    "a camel", "a chemist", "a clerk", "a dentist", "a diplomat", "an eagle", "an emperor",
    "an explorer", "a flamingo", "a gardener", "a geologist", "a glacier guide", "a hedgehog",
    "a herald", "an iguana", "a jellyfish", "a jeweller", "a knight", "a locksmith", "a mammoth",
    "a midwife", "a miner", "a monk", "a notary", "a nun", "an optician", "an otter", "a pelican",
    "a pharaoh", "a philosopher", "a pilot", "a plumber", "a raven", "a rhinoceros", "a robot",
    "a samurai", "a scorpion", "a sculptor", "a submarine captain", "a surgeon", "a troll",
    "a vampire", "a walrus", "a whale", "a zebra",
)  # fmt: skip
DOES = (
    "argues in a courtroom", "assembles a turbine", "blows glass", "boils brine",
    "breeds silkworms", "carries a coffin", "chisels an inscription", "commands a battleship",
    "conducts an orchestra", "counts coins in a vault", "dances at a coronation",
    "decodes a message", "delivers a verdict", "demolishes a factory", "dives to a shipwreck",
    "drains a swamp", "dredges a harbour", "embalms a mummy", "escapes from prison",
    "examines a fossil", "excavates a temple", "feeds a furnace", "fires a catapult",
    "folds a parachute", "forges a sword", "glazes a vase", "guards a castle", "hunts in the snow",
    "joins a parade", "lands on the moon", "launches a rocket", "launders money", "maps a cave",
    "measures an earthquake", "mends a trawl", "mounts an expedition", "navigates by the stars",
    "paints a fresco", "patrols a border", "polishes a diamond", "prays in a cathedral",
    "preaches a sermon", "pulls a tooth", "reads a telegram", "repairs a satellite",
    "restores a mosaic", "rings a church bell", "robs a bank", "scrubs a deck",
    "sets up a telescope", "shears a sheep", "splits an atom", "stamps a passport",
    "steers a gondola", "tames a lion", "tows a ship", "winds up a clock",
)  # fmt: skip


def own_queries() -> list[str]:
    """Sentences about what home videos and clips of the web rarely show: always the same ones."""
    return [f"{who} {does}" for who, does in crossed(WHO, DOES, TIMES)]


def crossed(who: Sequence[str], does: Sequence[str], times: int) -> list[tuple[str, str]]:
    """Different pairs of n subjects and n deeds, in which each of them comes as often: (n times).

    Many words, each seldom, rather than all pairs of few: what is found by a subject or a deed is
    found by all pairs of it, and the rate of false alarms is told as well as words are many.
    """
    who, does = list(who), list(does)
    draws = random.Random(18)
    draws.shuffle(who)
    draws.shuffle(does)
    return [(one, does[(i + k) % len(does)]) for k in range(times) for i, one in enumerate(who)]


def read_queries(path: str) -> list[str]:
    """Foreign queries of a user's, one a line.  Raises UserError where they are too few."""
    lines = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    if len(set(lines)) < LEAST:
        raise UserError(
            f"--foreign {path}: has {len(set(lines))} queries; {LEAST} or more are needed to know "
            "5 % of false alarms: add lines, or leave the flag out"
        )
    return list(dict.fromkeys(lines))
