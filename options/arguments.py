"""argparse, for commands that take words beside their options."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from options.typed import nearest
from util.errors import UserError


class Arguments(argparse.ArgumentParser):
    """A parser whose mistakes are one line each, which names the nearest option or choice."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Leave nothing over: the top parser would complain, and knows none of a subcommand's."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            flags = re.findall(r"--\w+", self.format_help())
            close = nearest(unknown[0].partition("=")[0], flags)
            self.error(f"{' '.join(unknown)}: not known{close}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raise UserError."""
        if choices := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += nearest(choices[1], re.findall(r"'(.*?)'", choices[2]))
        raise UserError(f"{self.prog}: {message}; `{self.prog} --help` lists the options")
