"""A library of videos:  python -m library SUBCOMMAND ...

index    a folder of videos -> a library; again: kept up to date
search   what is to be seen -> moments, or that nothing here shows it
ask      a question to every clip -> answers with their moments
rerank   another engine's list, re-ordered by a question's answer
export   found moments as an edit list for an editing program, exact to the frame
"""

import importlib
import sys
from collections.abc import Sequence

from library.postgres.arguments import hide_passwords_in_ps
from options.command.typed import nearest
from options.library.ask import AskOptions
from options.library.export import ExportOptions
from options.library.index import IndexOptions
from options.library.rerank import RerankOptions
from options.library.search import LibraryOptions, SearchOptions
from options.parse import parse
from util.errors import UserError, run_command
from util.text import printable

PROG = "python -m library"
# Subcommand -> its options, the module whose `run` does it, and the option that words before any
# flag belong to.
COMMANDS: dict[str, tuple[tuple[type, ...], str, str]] = {
    "index": ((IndexOptions, LibraryOptions), "library.index", "folder"),
    "search": ((SearchOptions, LibraryOptions), "library.search", "query"),
    "ask": ((AskOptions, LibraryOptions), "library.ask", "question"),
    "rerank": ((RerankOptions,), "library.rerank", "candidates"),
    "export": ((ExportOptions,), "library.edit_list.export", "hits"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand."""
    hide_passwords_in_ps()
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        parse(PROG, __doc__ or "", (), ["--help"])
    name = argv.pop(0)
    if name not in COMMANDS:
        close = nearest(name, list(COMMANDS)) or f"; there are {', '.join(COMMANDS)}"
        raise UserError(f"{PROG}: {printable(name)} is no subcommand{close}")
    classes, module, first = COMMANDS[name]
    options = parse(f"{PROG} {name}", __doc__ or "", classes, argv, first=first)
    # Here and not above: help and a misspelt option shall not wait for PyAV and torch.
    return importlib.import_module(module).run(*options)


if __name__ == "__main__":
    run_command(main)
