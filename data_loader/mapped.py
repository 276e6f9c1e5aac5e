"""Features that stay on disk, memory-mapped: for splits that do not fit into memory."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_loader.store.features import FeatureStore

AT_ONCE = 64  # videos on their way to a device


class MappedFeatures:
    """V videos of a store, read when a batch needs them; the system caches what memory allows.

    An uncompressed store is mapped chunk by chunk (HDF5 says once where each begins), and a video
    is copied straight from the mapping; a compressed one is read through HDF5.
    """

    def __init__(
        self,
        store: FeatureStore,
        videos: Sequence[str],
        *,
        frame_mean: bool,
        spans: np.ndarray | None = None,
    ) -> None:
        """`frame_mean`: average the frames of each clip.  The videos must be in the store.

        `spans` (V, 2): first clip and number of clips, where only a part of each video is meant
        (`data_loader.store.segment`); a video may then come several times.
        """
        self.store, self.frame_mean, self.spans = store, frame_mean, spans
        self._opened = ExitStack()  # keeps the file open as long as this object lives
        self.index = store.indices(videos)  # (V,) int64, in the store
        # (V,) int64, each video's own N
        self.clips = store.clips[self.index] if spans is None else spans[:, 1]
        self.most = int(self.clips.max()), int(store.frames[self.index].max())

    def __len__(self) -> int:
        """V."""
        return len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as a tensor: (V, N, F, W), or (V, N, W) of mean frames."""
        clips, frames = self.most
        return (len(self), clips, *([] if self.frame_mean else [frames]), self.store.width)

    def to(self, device: torch.device) -> Tensor:
        """All of them on a device, as stored (means of float16 frames are float32).

        They come some videos at a time: what is on its way to a GPU is never in memory as a whole.
        """
        out = None
        for begin in range(0, len(self), AT_ONCE):
            part = self._load(np.arange(begin, min(begin + AT_ONCE, len(self))))
            if self.frame_mean:
                one = part.shape[2] == 1
                part = part[:, :, 0] if one else part.mean(2, dtype=np.float32)
            block = torch.from_numpy(part).to(device)
            if out is None:
                out = torch.zeros(self.shape, dtype=block.dtype, device=device)
            here = (slice(begin, begin + len(part)), *(slice(length) for length in block.shape[1:]))
            out[here] = block
        assert out is not None, "a split has a video"
        return out

    def gather(self, videos: np.ndarray, clips: int | None = None) -> Tensor:
        """Read videos by index.  videos (V',) -> (V', N, F, W), or (V', N, W), float32.

        N is `clips`, or that of the longest of all videos.
        """
        longest, frames = self.most
        shape = (len(videos), longest if clips is None else clips, frames, self.store.width)
        out = np.zeros(shape, np.float32)
        self._fill(out, videos)
        features = torch.from_numpy(out)
        return features.mean(2) if self.frame_mean else features

    def _load(self, videos: np.ndarray) -> np.ndarray:
        """Videos by index as stored, zero-padded to the longest of them (V', N, F, W)."""
        if self.spans is None:
            return self.store.load([self.store.ids[i] for i in self.index[videos]])[0]
        shape = (len(videos), self.clips[videos].max(), self.most[1], self.store.width)
        out = np.zeros(shape, self._data.dtype)
        self._fill(out, videos)
        return out

    def _fill(self, out: np.ndarray, videos: np.ndarray) -> None:
        """Read videos by index into `out` (V', N, F, W), which has room for the longest."""
        store = self.store
        for target, video in zip(out, videos.tolist(), strict=True):
            i, n = self.index[video], int(self.clips[video])
            f = int(store.frames[i])
            first = 0 if self.spans is None else int(self.spans[video, 0])
            begin = int(store.start[i]) + first * f
            if n:
                target[:n, :f] = self._read(begin, begin + n * f).reshape(n, f, store.width)

    def _read(self, begin: int, end: int) -> np.ndarray:
        """Rows of the file.  -> (end - begin, W) as stored."""
        if self._chunks is None:
            return self.store.read_rows(self._data, begin, end)
        step = len(self._chunks[0])
        parts = [
            self._chunks[i][max(begin - i * step, 0) : end - i * step]
            for i in range(begin // step, -(-end // step))
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @cached_property
    def _data(self) -> Any:
        return self._opened.enter_context(self.store.features())

    @cached_property
    def _chunks(self) -> list[np.ndarray] | None:
        """The file's chunks of rows, mapped, in order; None where their bytes are not the rows."""
        data = self._data
        if data.chunks is None or data.chunks[1:] != data.shape[1:]:
            return None
        if data.id.get_create_plist().get_nfilters():  # compressed, shuffled, with checksums
            return None
        if data.id.get_num_chunks() < -(-len(data) // data.chunks[0]):  # some were never written
            return None
        file = np.memmap(self.store.path, np.uint8, mode="r")
        size = int(np.prod(data.chunks)) * data.dtype.itemsize
        found = {}
        for i in range(data.id.get_num_chunks()):
            chunk = data.id.get_chunk_info(i)
            piece = file[chunk.byte_offset : chunk.byte_offset + size]
            found[chunk.chunk_offset[0]] = piece.view(data.dtype).reshape(data.chunks)
        return [found[first] for first in sorted(found)]
