"""A page for one's own videos:  python -m web [--run R ...] [--library L] [--port 8000]

Send a video, ask about it in words, see which parts the answer came from; the same as an HTTP API
(/openapi.json).  It listens to this machine alone, unless --host says otherwise.
"""

from collections.abc import Sequence
from importlib.util import find_spec

from options.inference.web import WebOptions
from options.parse import parse
from util.errors import UserError, run_command

PROG = "python -m web"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until it is interrupted."""
    (options,) = parse(PROG, __doc__ or "", (WebOptions,), argv)
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise UserError(
            f"{PROG}: needs packages that are not installed; pip install -r requirements.txt -r "
            "requirements-web.txt, or `make page`"
        )
    # Here and not above: help and a misspelt option shall not wait for torch.
    from web.serve import serve

    return serve(options)


if __name__ == "__main__":
    run_command(main)
