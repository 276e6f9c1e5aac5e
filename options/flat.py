"""Option classes from flat values, and back: what checkpoints and presets hold."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from util.errors import UserError


def build(cls: type, values: Mapping[str, Any]) -> Any:
    """One option class from flat values; a class's own check becomes a UserError.

    An option that is not among the values keeps its default: a checkpoint made before there was it.
    """
    try:
        return cls(**{f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values})
    except ValueError as error:
        raise UserError(str(error)) from error


def flat_values(*options: Any) -> dict[str, Any]:
    """The options of several classes as one flat dict of plain values (for YAML, checkpoints)."""
    return {name: value for o in options for name, value in dataclasses.asdict(o).items()}
