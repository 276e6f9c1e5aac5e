"""What `python predict.py --stream` does: a source classified frame by frame, while it comes."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from inference.run_files import weights_file
from options.inference.stream import PredictStreamOptions
from util.files import check_output

if TYPE_CHECKING:
    from inference.stream.open import RunStream

SAVE_EVERY = 10.0  # s of the source, where nobody says


def run(options: PredictStreamOptions) -> int:
    """Follow what the options name, until it ends or is interrupted -> exit code."""
    reads = {
        "--run": weights_file(options.run),
        "--stream": options.stream,
        "--appearance_weights": options.appearance_weights,
    }
    path = Path(options.state) if options.state else None
    if path is not None:
        check_output(path, "--state", inputs=reads)
    from inference.stream.open import open_stream  # mistakes above do not wait for torch

    stream = open_stream(
        options.run,
        mode=options.stream_mode,
        window=options.window,
        fps=options.fps,
        appearance_weights=options.appearance_weights,
        device=options.device,
    )
    print(f"{options.run}: {stream.told}", file=sys.stderr)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    return _follow(stream, options, path)


def _follow(stream: "RunStream", options: PredictStreamOptions, path: Path | None) -> int:
    import torch

    from inference.stream.follow import Follower
    from inference.stream.state_file import load_state, save_state
    from preprocess.video.error import VideoError

    left = load_state(path, stream.model) if path is not None and path.is_file() else None
    follower = Follower(stream, options.stream, left=left)
    if follower.skipped:
        print(f"{path}: goes on after {follower.skipped:,} frames", file=sys.stderr)
    interval = options.save_every or SAVE_EVERY
    code, due = 0, interval
    try:
        with torch.inference_mode():
            for time, line in follower.lines(options.every):
                if line:
                    print(line, flush=True)
                if path is not None and time >= due:
                    save_state(path, stream.model, *follower.left)
                    due = time + interval
    except KeyboardInterrupt:
        pass
    except VideoError as problem:
        if not follower.looked:
            raise
        print(f"error: {problem}", file=sys.stderr)
        code = 1
    finally:
        if path is not None and follower.looked:
            save_state(path, stream.model, *follower.left)
    print(f"{options.stream}: {follower.summary()}", file=sys.stderr)
    return code if follower.looked else 1
