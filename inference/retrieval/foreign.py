"""Queries of what videos hardly show: what a search finds of them is there by chance."""

import random

from util.errors import UserError
from util.text_file import read_text

LEAST = 19  # queries without which a rate of 5 % cannot be told
NUMBER = 399  # the 380th best score of them is the threshold
WHO = (
    "an astronaut", "a walrus", "a bishop", "a blacksmith", "a camel", "a fisherman", "a judge",
    "a lighthouse keeper", "a miner", "a mermaid", "a nun", "an ostrich", "an owl", "a pilot",
    "a pirate", "a robot", "a samurai", "a scorpion", "a sculptor", "a sheriff", "a surgeon",
    "a whale", "a wizard", "a zebra",
)  # fmt: skip
DOES = (
    "repairs a satellite", "signs a treaty", "sails past an iceberg", "harvests grapes",
    "conducts an orchestra", "launches a rocket", "weaves a carpet", "hunts in the snow",
    "crosses a desert", "welds a bridge", "prays in a cathedral", "loads a cannon",
    "paints a fresco", "digs a tunnel", "lands on the moon", "shears a sheep",
    "blows glass", "guards a castle", "votes in parliament", "counts coins in a vault",
)  # fmt: skip


def own_queries(number: int = NUMBER) -> list[str]:
    """Sentences about what home videos and clips of the web rarely show: always the same ones."""
    every = [f"{who} {does}" for who in WHO for does in DOES]
    return random.Random(18).sample(every, number)


def read_queries(path: str) -> list[str]:
    """Foreign queries of a user's, one a line.  Raises UserError where they are too few."""
    lines = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    if len(set(lines)) < LEAST:
        raise UserError(
            f"--foreign {path}: has {len(set(lines))} queries; {LEAST} or more are needed to know "
            "5 % of false alarms: add lines, or leave the flag out"
        )
    return list(dict.fromkeys(lines))
