"""What decides the numbers in a store, and the one comparison of how two were made.

Three ask whether videos were made alike, each in its own words of refusal:

  a store that grows (`preprocess.extraction.shards`)        everything of `DECIDES`
  a run's store, when training goes on or the     all but the decoder: decoders give the same frames
  run is evaluated (`check_provenance`)           of ordinary video, bit for bit
  the machines of a cluster (`check_same`)        everything, and the packages' versions

What ran the network, torch or OpenVINO, is a version and decides nothing: their rows differ by
rounding (`preprocess.feature.runtime.AGREE`), in float32 by less than float16 in the store rounds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_loader.store.clips import ClipStore
from data_loader.store.features import FeatureStore
from util.errors import UserError

# In the order in which a difference is named; what holds for stores of before there was a choice.
DECIDES: dict[str, Any] = {
    "backbone": None,
    "kind": None,  # frame, clip, or decoded clips
    "width": None,
    "weights": None,  # compared by SHA-256: where the file lay does not matter, what it held does
    "resize": None,
    "crop": None,
    "size": None,
    "scaler": "torch",  # what scales frames: the decoder, or torch
    "normalisation": None,  # of the network's input
    "sampling": None,  # clips, frames per clip, the rule that places them
    "decoder": None,
    "network_precision": "float32",  # in which the network ran
    "precision": None,  # in which its features are stored
}
# Of the same features these may differ: packages; whether new videos can be asked; the file that
# features were imported from, of which each split may have its own; the format of the provenance.
DOES_NOT_DECIDE = ("versions", "askable", "imported", "format")


def essence(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What stores made alike agree in: {key of `DECIDES`: value, or its default}."""
    found = {key: provenance.get(key, default) for key, default in DECIDES.items()}
    if isinstance(found["weights"], dict):
        found["weights"] = found["weights"].get("sha256")
    return found


def first_difference(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    *,
    decoder: bool = True,
    versions: bool = False,
) -> tuple[str, Any, Any] | None:
    """What two provenances differ in first: (key, value of one, of the other); None: made alike.

    `decoder`: it must be the same; `versions`: the packages' too, where 2.14.1+cpu and 2.14.1+cu130
    are one, as not every machine of a cluster has a GPU.
    """
    first, second = (essence(p) | (_versions(p) if versions else {}) for p in (one, other))
    for key in first | second:
        if first.get(key) != second.get(key) and (decoder or key != "decoder"):
            return key, first.get(key), second.get(key)
    return None


def _versions(provenance: Mapping[str, Any]) -> dict[str, str]:
    found = provenance.get("versions", {})
    return {package: found[package].split("+")[0] for package in sorted(found)}


def check_provenance(
    trained: dict[str, Any], store: FeatureStore | ClipStore, trained_path: str | Path
) -> None:
    """A run's videos and a store must have been made alike.

    `trained`: the provenance that the run's checkpoint remembers.  Raises UserError that names what
    differs.
    """
    difference = first_difference(trained, store.provenance, decoder=False)
    if difference:
        key, was, now = difference
        raise UserError(
            f"{store.path} has {key} {now}, but {trained_path} was trained on {was}: "
            "give the store that the run was trained with, or one extracted alike"
        )


def check_same(made: dict[str, Any], asked: dict[str, Any], output: Path, node: str) -> None:
    """UserError if a machine would make a store in another way, or with other versions.

    OpenVINO beside torch is another version too: all machines must have it, or none.
    """
    difference = first_difference(made, asked, versions=True)
    if difference:
        key, has, wanted = difference
        raise UserError(
            f"{output}: {node} has {key} {has}, the machine of the command {wanted}; give all "
            "machines the same packages and weights"
        )
