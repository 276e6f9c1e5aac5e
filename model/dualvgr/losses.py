"""What the four graphs are trained for beside the answer (spec, section 7).

Padded clips take no part: every mean is over a video's own n clips.  Both losses compare N x N
pairs of clips, in float32 at least.  Where N is above the width D, D x D matrices give the same
numbers, and neither arithmetic nor memory grows with N^2.
"""

from typing import Literal

from torch import Tensor, nn

from model.layer.precision import at_least_float32

Hsic = Literal["paper", "released"]


def consistency(a: Tensor, m: Tensor, mask: Tensor, weight: Tensor | None = None) -> Tensor:
    """How far the two common graphs disagree on which clips are alike (DualVGR, section 3.5).

    a, m (B, N, D), mask (B, N) -> scalar: mean over the batch of the mean over n x n pairs of
    (S_a - S_m)^2, S = Z Z^T of the centred, L2-normalised clips.  weight (B,): what each row counts
    in the mean, 1 together; None: all alike.
    """
    za = nn.functional.normalize(_centre(a, mask), dim=2)
    zm = nn.functional.normalize(_centre(m, mask), dim=2)
    if a.shape[1] <= a.shape[2]:
        gap = (za @ za.mT - zm @ zm.mT).square().sum((1, 2))
    else:
        # With U = Za - Zm and V = Za + Zm, S_a - S_m = (U V^T + V U^T) / 2.  Small where Za and Zm
        # are alike, which |Za^T Za|^2 - 2 |Za^T Zm|^2 + |Zm^T Zm|^2 would lose in rounding.
        u, v = za - zm, za + zm
        cross = u.mT @ v
        gap = ((u.mT @ u) * (v.mT @ v) + cross * cross.mT).sum((1, 2)) / 2
    return _mean(gap / mask.sum(1).square(), weight)


def disparity(
    specific: Tensor, common: Tensor, mask: Tensor, weight: Tensor | None = None, *, hsic: Hsic
) -> Tensor:
    """Dependence of a channel's specific and common view: HSIC with linear kernels.

    specific, common (B, N, D), mask (B, N) -> scalar.  tr(R K_s R K_c) with R = I - 1/n;
    "paper": times (n - 1)^-2, mean over the batch; "released": the plain sum over the batch, so
    that its weight beta depends on the batch size (DualVGR, section 3.5; Gretton et al. 2005).
    weight (B,): as in `consistency`, of the mean.
    """
    s, c = _centre(specific, mask), _centre(common, mask)
    # R K R = (R Z)(R Z)^T, and the trace of a product of symmetric matrices is their inner product.
    if s.shape[1] <= s.shape[2]:
        trace = ((s @ s.mT) * (c @ c.mT)).sum((1, 2))
    else:
        trace = (s.mT @ c).square().sum((1, 2))
    if hsic == "released":
        return trace.sum()
    # One clip alone has trace 0; the clamp keeps 0 / 0 out.
    return _mean(trace / (mask.sum(1) - 1).clamp(min=1).square(), weight)


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    return values.mean() if weight is None else (values * weight).sum()


def _centre(z: Tensor, mask: Tensor) -> Tensor:
    """Subtract each video's mean over its own clips; padded clips become 0.  (B, N, D)."""
    z = at_least_float32(z) * mask[..., None]
    mean = z.sum(1, keepdim=True) / mask.sum(1)[:, None, None]
    return (z - mean) * mask[..., None]
