"""What made a store: all that decides the numbers in it, and what else is known of it.

Three ask whether two stores were made alike, each in its own words of refusal:

  a store that grows (`preprocess.extraction.shards`)        everything of `DECIDES`
  a run's store, when training goes on or the     all but the decoder: decoders give the same frames
  run is evaluated (`match.check_provenance`)     of ordinary video, bit for bit
  the machines of a cluster (`check_same`)        everything, and the packages' versions

What ran the network, torch or OpenVINO, is a version and decides nothing: their rows differ by
rounding (`preprocess.feature.runtime.AGREE`), in float32 by less than float16 in the store rounds.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from util.errors import UserError

# Fields that decide the numbers, in the order in which a difference is named.
DECIDES = (
    "backbone", "layer", "kind", "width", "weights", "resize", "crop", "size", "scaler",
    "normalisation", "sampling", "decoder", "network_precision", "precision",
)  # fmt: skip
# What holds for stores of before there was a choice, which do not say.
DEFAULTS: dict[str, Any] = {"layer": "pooled", "scaler": "torch", "network_precision": "float32"}
CLIPS = "clips"  # the kind of a clip store, in its provenance and its attribute `kind`
ONE = ("stride", 1)
KEYS = {"has_backbone": "askable"}  # in files, where it is not the field's name


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video were taken."""

    clips: int  # N; 0: as many as a video's length gives at `fps`
    frames: int  # F of each clip
    rule: str  # that places them: linspace, rate, or unknown
    fps: float | None = None  # rate: clips of one frame, so many a second, from 0 s on
    stride: int = 1  # linspace: frames from one of a clip to the next


@dataclass(frozen=True)
class Weights:
    """Where a network's weights are from."""

    source: str  # file, torchvision's name or random; none for a backbone without; unknown
    sha256: str  # of the file; "" without one
    library: str | None = None  # name and version of the hub's


@dataclass(frozen=True)
class Normalisation:
    """What a network's input was normalised by, on the 0..255 scale."""

    name: str
    mean: tuple[float, ...] | None = None  # of the three colours
    std: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Crop:
    """The centre square that was cut out of a scaled frame, in pixels."""

    centre: int  # its side
    of: int | tuple[int, int]  # short side, or height and width, of the scaled frame


NESTED = {"sampling": Sampling, "weights": Weights, "normalisation": Normalisation, "crop": Crop}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What made a store.  None: not said, as by an earlier version, or not known yet."""

    backbone: str | None = None  # name of the network; none: decoded clips; imported
    layer: str | None = None  # of it, where not pooled: logits, probabilities or semantic
    kind: str | None = None  # frame or clip: what a row of features stands for; clips: decoded
    width: int | None = None  # W of the features
    weights: Weights | None = None
    resize: str | None = None  # squash, crop or area
    crop: Crop | str | None = None  # or none, unknown
    size: tuple[int, ...] | None = None  # (H, W) of the network's input, or of stored clips
    scaler: str | None = None  # what scaled frames: decoder or torch
    normalisation: Normalisation | None = None
    sampling: Sampling | None = None
    decoder: str | None = None
    network_precision: str | None = None  # in which the network ran: float32 or bf16
    precision: str | None = None  # in which its features are stored: float16 or float32
    # Stores made alike may differ in what follows.
    has_backbone: bool = False  # whether it can be run on new videos; not after an import
    imported: dict[str, str] | None = None  # file and sha256 that features were imported from
    versions: dict[str, str] = field(default_factory=dict)  # of packages, {name: version}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "Provenance":
        """From the JSON object in a store, or its copy in a checkpoint.

        Keys of other versions are passed over.  Raises ValueError if one has another form.
        """
        given: dict[str, Any] = {}
        for name in (f.name for f in fields(cls)):
            value = said.get(KEYS.get(name, name))
            if value is None:
                continue
            given[name] = _immutable(value)
            if name in NESTED and not (name == "crop" and isinstance(value, str)):
                try:
                    parts = {key: _immutable(part) for key, part in dict(value).items()}
                    given[name] = NESTED[name](**parts)
                except (ValueError, TypeError) as error:
                    raise ValueError(f"says {name} {str(value)[:80]}") from error
            elif name in ("versions", "imported") and not isinstance(value, dict):
                raise ValueError(f"says {name} {str(value)[:80]}")
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """As the JSON object in a store: what is not said has no key."""
        return json.loads(self.to_json())

    def to_json(self) -> str:
        """The JSON in a store."""
        said = asdict(self, dict_factory=_said)
        said = {KEYS.get(name, name): value for name, value in said.items() if value != {}}
        return json.dumps(said, sort_keys=True)

    def with_defaults(self) -> "Provenance":
        """With what holds for stores of before there was a choice."""
        return self.completed_by(Provenance(**DEFAULTS))

    def feature_key(self) -> dict[str, Any]:
        """What stores made alike agree in: {field of `DECIDES`: its value as in JSON}."""
        said = self.with_defaults().to_dict()
        key = {name: said.get(name) for name in DECIDES}
        if self.weights is not None:  # where the file lay does not matter, what it held does
            key["weights"] = self.weights.sha256
        return key

    def first_difference(
        self, other: "Provenance", *, decoder: bool = True, versions: bool = False
    ) -> tuple[str, Any, Any] | None:
        """What differs first: (field, value here, value of the other); None: made alike.

        `decoder`: it must be the same; `versions`: the packages' too, where 2.14.1+cpu and
        2.14.1+cu130 are one, as not every machine of a cluster has a GPU.
        """
        first, second = self.feature_key(), other.feature_key()
        if versions:
            first, second = first | self._plain_versions(), second | other._plain_versions()
        for name in first | second:
            if first.get(name) != second.get(name) and (decoder or name != "decoder"):
                return name, first.get(name), second.get(name)
        return None

    def completed_by(self, other: "Provenance") -> "Provenance":
        """This one, where it does not say something of `DECIDES` what the other says."""
        missing = [name for name in DECIDES if getattr(self, name) is None]
        return replace(self, **{name: getattr(other, name) for name in missing})

    def _plain_versions(self) -> dict[str, str]:
        return {name: self.versions[name].split("+")[0] for name in sorted(self.versions)}


def _said(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What is said; a stride of 1 is not, as before there was a choice."""
    return {name: value for name, value in pairs if value is not None and (name, value) != ONE}


def _immutable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def check_same(made: Provenance, asked: Provenance, output: Path, node: str) -> None:
    """UserError if a machine would make a store in another way, or with other versions.

    OpenVINO beside torch is another version too: all machines must have it, or none.
    """
    difference = made.first_difference(asked, versions=True)
    if difference:
        key, has, wanted = difference
        raise UserError(
            f"{output}: {node} has {key} {has}, the machine of the command {wanted}; give all "
            "machines the same packages and weights"
        )
