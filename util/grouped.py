"""A number of all questions together, and of each question type."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Grouped(Generic[T]):
    """The total stands apart: a type is a user's text, and may be called `all` or `total`."""

    total: T
    by_type: Mapping[str, T]

    def of(self, types: Iterable[str]) -> list[T]:
        """The total, then the values of some types, in their order."""
        return [self.total, *(self.by_type[kind] for kind in types)]

    def named(self, name: str) -> dict[str, T]:
        """For a log: the total under `name`, each type's value under `name`/type."""
        return {name: self.total, **{f"{name}/{kind}": v for kind, v in self.by_type.items()}}


def combined(how: Callable[[list[T]], U], parts: Sequence[Grouped[T]]) -> Grouped[U]:
    """Group by group, what `how` makes of several parts' numbers; the parts have the same types."""
    by_type = {kind: how([part.by_type[kind] for part in parts]) for kind in parts[0].by_type}
    return Grouped(how([part.total for part in parts]), by_type)
