"""What `python predict.py caption` does: captions of one video, of many, or of a live source."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inference.caption.subtitles import Cue, Format, merged, write_subtitles
from inference.run_files import default_run, output_folder, weights_file
from options.caption import SearchOptions
from options.predict import MOST, PredictCaptionOptions
from util.errors import UserError
from util.files import check_output
from util.progress import warned
from util.text import clipped

if TYPE_CHECKING:
    from inference.caption.captioner import Captioner


def run(options: PredictCaptionOptions, search: SearchOptions) -> int:
    """Caption what the options name -> exit code."""
    n_best = min(MOST, search.beam) if options.n_best is None else options.n_best
    if n_best > search.beam:
        raise UserError(f"--n_best {n_best}: --beam {search.beam} holds fewer; give a wider one")
    named = options.run or default_run("captioning")
    flag, output = _output(options, named)
    reads = {
        "--video": options.video,
        "--videos": options.videos,
        "--live": options.live,
        "--run": weights_file(named),
        "--appearance_weights": options.appearance_weights,
        "--motion_weights": options.motion_weights,
    }
    if options.live is None:
        check_output(output, flag, inputs=reads)
    from inference.caption.captioner import Captioner  # mistakes above do not wait for torch

    captioner = Captioner(
        named,
        search=search,
        appearance_weights=options.appearance_weights,
        motion_weights=options.motion_weights,
        device=options.device,
    )
    if options.live is not None:
        return caption_live(captioner, options.live, options.every)
    if options.videos is not None:
        from inference.caption.many import caption_many

        return caption_many(captioner, options.videos, n_best, output, flag)
    assert options.video is not None
    if options.as_ is not None:
        return caption_windows(captioner, options.video, options.as_, options.every, output)
    return caption_one(captioner, options.video, n_best, output)


def _output(options: PredictCaptionOptions, named: str | Path) -> tuple[str, Path]:
    """The file to write of the run `named`, and the option that names it."""
    if options.output:
        return "--output", Path(options.output)
    name = "captions.json" if options.videos else f"captions.{options.as_}"
    if options.videos is None and options.as_ is None:
        name = "caption.png"
    return "--run", output_folder(named) / name


def caption_one(captioner: "Captioner", video: str, n_best: int, output: Path) -> int:
    """Print a video's captions, save the picture of which clips each word came from."""
    seen = captioner.read_video(video)
    found = captioner.caption_clips(seen.visual, n_best=n_best)
    for said in found:
        print(f"  {said.score:8.3f}  {clipped(said.text, 1000) or '(no words)'}", flush=True)
    with warned(print, "the picture of which clips each word came from"):
        import numpy as np

        from inference.caption.word_clips import word_clips  # the captions do not wait for it
        from inference.caption.word_plots import word_timeline
        from util.clip_plots import save_figure

        task, device = captioner.run.task, captioner.run.device
        maps = word_clips(task, seen.visual.to(device), found[0].words)
        clips = np.arange(len(seen.thumbnails.index))
        figure = word_timeline(
            captions=[(said.text, said.score) for said in found],
            words=maps.words,
            frames=seen.middle_frames(clips),
            times=seen.times(clips),
            attention=maps.attention,
            drop=maps.drop,
        )
        save_figure(figure, output)
        print(f"which clips each word came from: {output}")
    return 0


def caption_windows(
    captioner: "Captioner", video: str, kind: Format, every: float, output: Path
) -> int:
    """Write a video's captions as subtitles, one for each `every` seconds."""
    from inference.caption.windows import read_windows

    cues = []
    for window in read_windows(captioner.read_video, video, every):
        (said,) = captioner.caption_clips(window.visual)
        cues.append(Cue(window.start, window.end, said.text))
    cues = merged(cues)
    write_subtitles(output, cues, kind)
    print(f"{output}: {len(cues)} captions, {cues[-1].end if cues else 0:.1f} s")
    return 0


def caption_live(captioner: "Captioner", source: str, every: float) -> int:
    """Print a caption of the last seconds of a video, every `every` seconds while it is decoded."""
    from inference.live import LiveCaptions
    from preprocess.video.container import frame_rate

    live = LiveCaptions(captioner, rate=frame_rate(Path(source)), every=every)
    count = 0
    for clip in live.clips(source):
        if said := live.step(clip):
            print(f"{clip.time:8.1f} s  {clipped(said.text, 1000) or '(no words)'}", flush=True)
            count += 1
    if not count:
        print(f"{source}: ends before {every:g} s: no caption; give less --every", file=sys.stderr)
    return 0 if count else 1
