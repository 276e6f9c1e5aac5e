"""argparse, for commands that take words beside their options."""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from options.command.typed import nearest
from util.errors import UserError
from util.text import printable


class Arguments(argparse.ArgumentParser):
    """A parser whose mistakes are one line each, which names the nearest option or choice."""

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuse a flag that is none first: argparse would say that others are missing."""
        args = sys.argv[1:] if args is None else args
        known = list(self._option_string_actions)
        for flag in (word.partition("=")[0] for word in args if not self._subparsers):
            if flag.startswith("--") and flag not in known:
                self.error(f"{printable(flag)} is no option of it{nearest(flag, known)}")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise UserError."""
        if choices := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += nearest(choices[1], re.findall(r"'(.*?)'", choices[2]))
        raise UserError(f"{self.prog}: {message}; `{self.prog} --help` lists the options")
