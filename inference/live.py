"""A video that goes on: its last clips, as a run's model takes those of a video; captions of them.

captioner = Captioner("results/mine", search=SearchOptions())
live = LiveCaptions(captioner, rate=30, every=4)
for clip in live.clips(camera):  # or clips of your own (preprocess.feature.stream)
    if said := live.step(clip):
        print(clip.time, said.text)
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from data_loader.batch import Features
from inference.caption.captioner import Captioner, Said
from inference.video import FeatureExtraction, VideoReader
from preprocess.feature.stream import StreamedClip, stream_features
from util.errors import UserError


class LiveClips:
    """The last N clips of a stream.  One thread may add clips while another reads them."""

    def __init__(self, clips: int) -> None:
        """`clips`: N, as many as the run's stores have, or as there shall be."""
        self._clips: deque[StreamedClip] = deque(maxlen=clips)

    def __len__(self) -> int:
        return len(self._clips)

    def add(self, clip: StreamedClip) -> None:
        """Append a clip with the channels appearance and motion; the oldest of N + 1 is dropped."""
        self._clips.append(clip)

    def span(self) -> tuple[int, int]:
        """First frame of the clips, and the one after their last."""
        clips = list(self._clips)
        return clips[0].start, clips[-1].end

    def visual(self) -> Features:
        """The clips, at least one, as one video: appearance (1, N', F, W), N' <= N."""
        clips = list(self._clips)
        appearance = np.stack([clip.rows["appearance"] for clip in clips])
        rows = "motion" if "motion" in clips[0].rows else "appearance"
        motion = np.stack([clip.rows[rows].mean(0) for clip in clips])
        if rows == "appearance":
            motion = motion[:, :0]  # the model makes it of the other
        return Features(
            appearance=torch.from_numpy(appearance).float()[None],
            motion=torch.from_numpy(motion).float()[None],
            clip_mask=torch.ones(1, len(clips), dtype=torch.bool),
        )


class LiveWindow:
    """The last seconds of a stream, every few seconds.

    The clips are apart as those of a video of that length are.  What is held is N clips' features,
    and what the backbones hold of one clip.
    """

    def __init__(
        self, reader: VideoReader, run: Path, *, rate: float, every: float, cure: str
    ) -> None:
        """`reader`: of the run at `run`; `rate`: frames per second of the source; `every`: s.

        Raises UserError if the run has encoders of its own (`cure`: what to do then), or its
        channels' clips differ in frames.
        """
        if not isinstance(reader, FeatureExtraction):
            raise UserError(f"{run} has encoders of its own, which see whole videos: {cure}")
        first, *others = (r.sampling for r in reader.reading.values())
        if any(
            (s.frames, s.fps, s.stride) != (first.frames, first.fps, first.stride) for s in others
        ):
            raise UserError(
                f"{run}: its channels have clips of different frames, a stream's have the same: "
                "extract both with the same --frames and --stride"
            )
        self.rate, self.every = rate, every
        self.backbones, self.spacing = reader.backbones, first.stride
        if first.fps is not None:
            self.frames, self.stride, self.first = 1, max(1, round(rate / first.fps)), 0
            count = max(1, round(every * first.fps))
        else:
            count, self.frames = first.clips, first.frames
            looked_at = rate * every / self.spacing  # frames
            self.stride = self.spacing * max(1, round(looked_at / (count + 1)))
            self.first = max(0, self.stride - self.spacing * (self.frames // 2))
        self._last = LiveClips(count)
        self._due = every  # s

    def clips(self, source: str | Path | Iterable[np.ndarray]) -> Iterator[StreamedClip]:
        """The clips of a file, or of frames as they come (`stream_features`), for `due`."""
        return stream_features(
            source, backbones=self.backbones, frames=self.frames, stride=self.stride,
            first=self.first, group=1, rate=self.rate, spacing=self.spacing,
        )  # fmt: skip

    def due(self, clip: StreamedClip) -> Features | None:
        """Take the next clip; the last ones, where something is due to be told of them by now."""
        self._last.add(clip)
        if clip.time < self._due:
            return None
        self._due += self.every * (1 + (clip.time - self._due) // self.every)
        return self._last.visual()


class LiveCaptions(LiveWindow):
    """Captions of a stream, one every few seconds, about as many seconds."""

    def __init__(self, captioner: Captioner, *, rate: float, every: float) -> None:
        """See LiveWindow."""
        cure = "give --video FILE --as vtt, or a run on feature stores"
        super().__init__(
            captioner.read_video, captioner.run.path, rate=rate, every=every, cure=cure
        )
        self.captioner = captioner

    def step(self, clip: StreamedClip) -> Said | None:
        """Take the next clip; the best caption of the last ones, where one is due by its time."""
        visual = self.due(clip)
        return None if visual is None else self.captioner.caption_clips(visual)[0]
