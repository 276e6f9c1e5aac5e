"""Ask a video a question:

python predict.py --run results/shapes --video FILE --question "what colour is the circle?"
"""

import util.threads  # noqa: F401  before torch is loaded

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_loader.batch import Batch, Features, Frames
from data_loader.store.provenance import Provenance
from data_loader.tokens import tokenize
from data_loader.vocabulary import Vocabulary
from model.task.qa import Predictions, QuestionAnswering
from options.parse import parse
from options.predict import PredictOptions
from preprocess.feature.load import backbone_from_provenance
from preprocess.video.clips import Clips, clip_frames, read_resized
from preprocess.video.decoders import decoder_of
from preprocess.video.resize import Thumbnail, clip_input_spec
from util.checkpoint import load_checkpoint
from util.clip_plots import clip_timeline, save_figure
from util.device import pick_device
from util.errors import UserError, run_command
from util.files import check_output
from util.progress import warned
from util.text import clipped

SHOWN = Thumbnail(height=320)  # of the picture: a clip is some 150 pixels wide there


def main(argv: Sequence[str] | None = None) -> int:
    """Print the five best answers, save a picture of what the model looked at."""
    (options,) = parse("python predict.py", "Ask a video file a question.", (PredictOptions,), argv)
    own = Path(options.run) / "answer.png"
    flag, output = ("--output", Path(options.output)) if options.output else ("--run", own)
    reads = {
        "--video": options.video,
        "--run": Path(options.run) / "best.pt",
        "--appearance_weights": options.appearance_weights,
        "--motion_weights": options.motion_weights,
    }
    check_output(output, flag, inputs=reads)
    predictor = Predictor(
        options.run,
        appearance_weights=options.appearance_weights,
        motion_weights=options.motion_weights,
        device=options.device,
    )
    reply = predictor.ask(options.video, options.question)
    print(clipped(options.question, 1000))
    if reply.unknown:
        print(f"  {reply.unknown}")
    for answer, probability in reply.answers:
        print(f"  {100 * probability:5.1f} %  {clipped(answer, 200)}")
    with warned(print, "the picture of what it looked at"):
        figure = clip_timeline(
            question=options.question,
            answers=reply.answers,
            frames=reply.frames,
            times=reply.times,
            punishment=reply.punishment,
            readout=reply.readout,
        )
        save_figure(figure, output)
        print(f"what it looked at: {output}")
    return 0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer and how it came about."""

    answers: list[tuple[str, float]]  # the five best, with probabilities
    unknown: str  # which words of the question the run does not know; "" if it knows all
    frames: list[np.ndarray]  # the middle frame of each clip, small, (H, W, 3) uint8
    times: list[str]  # its number in the video, from 1
    punishment: np.ndarray  # (2, N) appearance and motion, mean over units
    readout: np.ndarray  # (N,)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One video as a run sees it."""

    shown: Clips  # the middle frame of each clip, small: (N, 1)
    visual: Features | Frames


class FeatureLook:
    """A video file as features of the backbones that made a run's stores."""

    def __init__(
        self, run: str, stores: dict[str, Any], weights: dict[str, str | None], device: str
    ) -> None:
        """Load the backbones.  Raises UserError if a store names none."""
        self.channels = []
        for channel in ("appearance", "motion"):
            store = stores[channel]
            made = Provenance.from_dict(store["provenance"])
            if not made.has_backbone:
                raise UserError(
                    f"{run} was trained on imported features ({store['path']}), which name no "
                    "backbone that could look at a new video: ask a run whose stores were made by "
                    "python -m preprocess.videos"
                )
            backbone = backbone_from_provenance(made, weights=weights[channel], device=device)
            assert made.sampling is not None
            stored = made.precision or "float32"
            self.channels.append((backbone, made.sampling, decoder_of(made), stored))

    def __call__(self, video: str | Path) -> Seen:
        """Decode and extract.  Raises UserError if the file cannot be read."""
        keys = [(taken.clips, taken.frames, decoder) for _, taken, decoder, _ in self.channels]
        shown, features = [], {}
        for key in dict.fromkeys(keys):  # both channels usually share one decoding
            looking = [self.channels[i][0] for i, other in enumerate(keys) if other == key]
            found = read_resized(
                video,
                clips=key[0],
                frames=key[1],
                decoder=key[2],
                keep_partial=False,
                specs=[*(backbone.picture for backbone in looking), SHOWN],
            )
            shown.append(found.pop())
            for backbone, clips in zip(looking, found, strict=True):
                features[backbone] = backbone.extract_pictures(clips)
        appearance, motion = (  # rounded as the store's
            torch.from_numpy(features[backbone].astype(stored)).float()
            for backbone, *_, stored in self.channels
        )
        visual = Features(
            appearance=appearance[None],
            motion=motion.mean(1)[None],
            clip_mask=torch.ones(1, len(appearance), dtype=torch.bool),
        )
        return Seen(shown=shown[0], visual=visual)


class ClipLook:
    """A video file as decoded clips, for a run that has its own encoders."""

    def __init__(self, made: Provenance) -> None:
        """`made`: the provenance of the clip store that the run was trained on."""
        self.made, self.decoder = made, decoder_of(made)

    def __call__(self, video: str | Path) -> Seen:
        """Decode and resize.  Raises UserError if the file cannot be read."""
        sampling = self.made.sampling
        assert sampling is not None
        small, shown = read_resized(
            video,
            clips=sampling.clips,
            frames=sampling.frames,
            decoder=self.decoder,
            keep_partial=False,
            specs=[clip_input_spec(self.made), SHOWN],
        )
        visual = Frames(
            frames=torch.from_numpy(small.frames),
            index=torch.from_numpy(small.index)[None],
            clip_mask=torch.ones(1, len(small.index), dtype=torch.bool),
            row=torch.zeros(1, dtype=torch.int64),
        )
        return Seen(shown=shown, visual=visual)


class Predictor:
    """A trained run and its backbones: video file and question in, answer out."""

    def __init__(
        self,
        run: str,
        *,
        appearance_weights: str | None = None,
        motion_weights: str | None = None,
        device: str = "auto",
    ) -> None:
        """Load a run.  Raises UserError if it has no backbone to run on a new video."""
        content = load_checkpoint(Path(run) / "best.pt")
        self.device = pick_device(device)
        self.task = QuestionAnswering.from_checkpoint(content).to(self.device)
        self.vocabulary = Vocabulary.from_state(content["vocabulary"])
        if content["options"]["video"] == "none":
            raise UserError(
                f"{run} was trained without video (--video none): ask a run that saw videos"
            )
        # The released word mask depends on the padding: as in training and evaluation.  Checkpoints
        # of earlier versions do not say how long that was.
        released = content["options"]["word_mask"] == "released"
        self.padded = content.get("longest_question", 0) if released else 0
        stores = content["stores"]
        if stores.get("clips"):
            if appearance_weights or motion_weights:
                raise UserError(
                    f"{run} has encoders of its own in its checkpoint: leave out "
                    "--appearance_weights and --motion_weights"
                )
            made = Provenance.from_dict(stores["clips"]["provenance"])
            self.look: Callable[[str | Path], Seen] = ClipLook(made)
        else:
            weights = {"appearance": appearance_weights, "motion": motion_weights}
            self.look = FeatureLook(run, stores, weights, device)

    def ask(self, video: str | Path, question: str) -> Reply:
        """Answer one question about one video file.

        Raises UserError for a question without a word, and a file that cannot be read.
        """
        tokens = self._tokens(question)  # first: decoding takes seconds
        seen = self.look(video)
        found = self.task.predict([self._batch(seen.visual, tokens)], self.device)
        shown = seen.shown
        number = clip_frames(shown.frame_count, clips=len(shown.index), frames=1)[:, 0]
        return Reply(
            answers=self._named(found),
            unknown=self.unknown_words(question),
            frames=[shown.frames[i] for i in shown.index[:, 0]],
            times=[f"frame {i + 1}" for i in number.tolist()],
            punishment=found.punishment[0].numpy(),
            readout=found.readout[0].numpy(),
        )

    def ask_live(self, visual: Features, question: str) -> list[tuple[str, float]]:
        """The five best answers about a video that goes on, with probabilities.

        `visual`: its last clips, as `inference.live.LiveClips` keeps them, by the backbones
        that made the run's stores (`predictor.look.channels`).
        """
        found = self.task.predict([self._batch(visual, self._tokens(question))], self.device)
        return self._named(found)

    def unknown_words(self, question: str) -> str:
        """One line about the words that the run's training did not have; "" if it had all."""
        tokens = tokenize(question)
        unknown = self.vocabulary.unknown(tokens)
        if not unknown:
            return ""
        if len(unknown) == len(set(tokens)):
            return "none of its words is known to this run: the answer cannot depend on them"
        return f"words that this run does not know: {clipped(', '.join(unknown), 200)}"

    def _tokens(self, question: str) -> list[str]:
        tokens = tokenize(question)
        if not tokens:
            raise UserError("--question is empty: ask something")
        return tokens

    def _named(self, found: Predictions) -> list[tuple[str, float]]:
        """The five best answers of the first question, with probabilities."""
        pairs = zip(found.top[0].tolist(), found.probability[0].tolist(), strict=True)
        return [(self.vocabulary.answers[i], p) for i, p in pairs]

    def _batch(self, visual: Features | Frames, tokens: list[str]) -> Batch:
        """One question about one video."""
        words = self.vocabulary.encode(tokens)
        padding = [0] * (self.padded - len(words))
        zero = torch.zeros(1, dtype=torch.int64)
        return Batch(
            visual=visual,
            video=zero,
            words=torch.tensor([words + padding]),
            length=torch.tensor([len(words)]),
            answer=zero,
            row=zero,
        )


if __name__ == "__main__":
    run_command(main)
