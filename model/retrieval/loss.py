"""InfoNCE between videos and their captions, over one process or several."""

import torch
from torch import Tensor

from model.contrastive.loss import gather, gather_with_gradient, own_rank


def info_nce(
    videos: Tensor, texts: Tensor, segment: Tensor, *, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross entropy of B captions among videos, and of their videos among captions.

    videos, texts (B, D): embeddings of length 1 of each caption and of its video; segment (B,)
    int64: tells the videos apart; scale: by what similarities are multiplied, 1 / temperature.

    The symmetric loss of CLIP (Radford et al. 2021, section 2.3, figure 3), where a video may have
    several captions in a batch: text to video, each caption is to find its video among the distinct
    ones, however many captions each has; video to text, each pair of a video and a caption is told
    from the captions of other videos, other captions of its own being neither.  Of several
    processes each has B of the captions, and the mean of their losses is the loss of all.  Float32.
    """
    with torch.autocast(texts.device.type, enabled=False):
        all_videos, all_texts = gather_with_gradient(videos), gather_with_gradient(texts)
        all_segments = gather(segment)
        own = scale * (videos * texts).sum(1)
        # A video that has k captions is there k times, each of which counts for 1 / k.
        times = (all_segments[:, None] == all_segments).sum(1)
        among = scale * texts @ all_videos.T - times.log()
        to_video = among.logsumexp(1) - own
        place = len(segment) * own_rank() + torch.arange(len(segment), device=segment.device)
        itself = place[:, None] == torch.arange(len(all_segments), device=segment.device)
        hidden = (segment[:, None] == all_segments) & ~itself
        among = (scale * videos @ all_texts.T).masked_fill(hidden, -torch.inf)
        to_text = among.logsumexp(1) - own
        return to_video.mean(), to_text.mean()
