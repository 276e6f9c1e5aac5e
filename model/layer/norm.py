"""Norms: fixed statistics of the data, and batch norm over all processes' batches together."""

from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from model.layer.precision import at_least_float32

MOMENTUM, EPSILON = 0.1, 1e-5  # of batch norm, as torch's


class Standardize(nn.Module):
    """Subtract a fixed mean and divide by a fixed deviation, per feature; (0, 1) changes nothing.

    The tanh at the appearance input was made for pooled ReLU features (0 to about 3).  Logits and
    other features with large values saturate it; standardised ones do not.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, width: int) -> None:
        """Statistics of `width` features, kept with the weights."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        """Take over statistics of the training videos.  mean, deviation (width,).

        Empty ones are of a channel left out: those of zeros, which stay zeros.
        """
        self.mean.copy_(mean if len(mean) else torch.zeros_like(self.mean))
        spread = deviation if len(deviation) else torch.zeros_like(self.deviation)
        self.deviation.copy_(spread.clamp(min=1e-3))  # a feature that never varies stays finite

    def forward(self, features: Tensor) -> Tensor:
        """Standardise.  features (..., width) -> same shape."""
        return (features - self.mean) / self.deviation


class Whiten(nn.Module):
    """The first K principal components of features, each divided by its own deviation.

    They are those of the training videos' means, fitted once: what tells videos apart, in few
    numbers that all vary alike, from which a model can hardly learn a video by heart.  (Components
    of single frames tell a video's frames apart as well: 1.2 points of accuracy less on 318
    videos.)  Before `fit`, and of a channel left out, zeros.
    """

    mean: Tensor
    projection: Tensor

    def __init__(self, *, width: int, components: int) -> None:
        """K `components` of features of this width, kept with the weights."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("projection", torch.zeros(width, components))

    def fit(self, mean: Tensor, covariance: Tensor) -> None:
        """Take over statistics of training videos.  mean (width,), covariance (width, width).

        Empty ones are of a channel left out.  Raises ValueError where the features vary in fewer
        than K directions.
        """
        if not len(mean):
            self.mean.zero_()
            self.projection.zero_()
            return
        components = self.projection.shape[1]
        variance, directions = torch.linalg.eigh(covariance.double())  # ascending
        found = int((variance > 1e-7 * variance[-1].clamp(min=1e-12)).sum())
        if found < components:
            raise ValueError(f"the training videos' features vary in {found} directions")
        first = slice(-components, None)
        directions = directions[:, first].flip(1)
        # Either sign of a direction will do: the one whose largest number is positive, so that
        # every processor finds the same.
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
        self.mean.copy_(mean)
        self.projection.copy_(directions * largest.sign() / variance[first].flip(0).sqrt())

    def forward(self, features: Tensor) -> Tensor:
        """Project.  features (..., width) -> (..., K)."""
        return (features - self.mean) @ self.projection


def feature_norm(kind: str, width: int) -> Standardize | Whiten:
    """The norm of features of this width, by option `feature_norm`."""
    if kind.startswith("whiten"):
        return Whiten(width=width, components=normed_width(kind, width))
    return Standardize(width=width)


def normed_width(kind: str, width: int) -> int:
    """The width of features of this width when they have been through their norm."""
    name, _, components = kind.partition(":")
    return int(components) if name == "whiten" else width


class GlobalBatchNorm(_BatchNorm):
    """As nn.SyncBatchNorm, which only works on GPUs; with one process as nn.BatchNorm1d to 3d.

    Statistics are float32, also under autocast.  What the norm that it replaces applied afterwards
    (timm's have their activation inside) still follows.
    """

    @classmethod
    def of(cls, norm: _BatchNorm) -> Self:
        """Another batch norm's parameters and statistics, with the processes' joint statistics."""
        new = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        new.__dict__ = {**norm.__dict__}  # the parameters themselves, and their names
        return new

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.dim() >= 2

    def forward(self, input: Tensor) -> Tensor:
        """Normalise.  (B, D, ...) -> same; B may differ between processes."""
        out = self._normalise(input)
        for module in self.children():
            out = module(out)
        return out

    def _normalise(self, input: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized() or dist.get_world_size() == 1:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        out, mean, variance, count = _Normalise.apply(
            at_least_float32(input), self.weight, self.bias, self.eps
        )
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = self.momentum
            if share is None:  # torch's word for a cumulative average
                share = 1 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean.to(self.running_mean), share)
            unbiased = variance * count / (count - 1)
            self.running_var.lerp_(unbiased.to(self.running_var), share)
        return out.to(input.dtype)


class _Normalise(torch.autograd.Function):
    """(input (B, D, ...), weight (D,), bias (D,), eps) -> normalised input; mean, variance, count.

    Each process has a part of the batch.  The gradient of the input is that of the sum of all
    processes' losses; those of weight and bias are this process's part, as of any parameter.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        over = [0, *range(2, x.dim())]
        shape = [-1 if i == 1 else 1 for i in range(x.dim())]
        own = x.new_full((1,), x.numel() // x.shape[1])
        total, count = _over_processes(x.sum(over), own)
        mean = total / count
        centred = x - mean.view(shape)
        variance = _over_processes(centred.square().sum(over))[0] / count
        scale = torch.rsqrt(variance + eps)
        ctx.save_for_backward(x, weight, mean, scale, count)
        ctx.mark_non_differentiable(mean, variance, count)
        out = centred.mul_((scale * weight).view(shape)).add_(bias.view(shape))
        return out, mean, variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, scale, count = ctx.saved_tensors
        over = [0, *range(2, x.dim())]
        shape = [-1 if i == 1 else 1 for i in range(x.dim())]
        of_out = gradients[0]
        normal = (x - mean.view(shape)).mul_(scale.view(shape))
        of_bias, of_weight = of_out.sum(over), (of_out * normal).sum(over)
        shift, slope = (total / count for total in _over_processes(of_bias, of_weight))
        of_x = of_out - shift.view(shape) - normal.mul_(slope.view(shape))
        return of_x.mul_((scale * weight).view(shape)), of_weight, of_bias, None


class ClipBatchNorm(nn.Module):
    """Batch norm of clips (Ioffe and Szegedy 2015), without weights of its own.

    Padded clips do not count, and a video counts as often as a batch asks for it: so it is the same
    for several processes, of which more than one may hold a video.  Statistics are float32.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, *, width: int) -> None:
        """Running statistics, which evaluation takes, of `width` features."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, clips: Tensor, mask: Tensor, times: Tensor | None = None) -> Tensor:
        """Normalise.  clips (V, N, D), mask (V, N) True on real clips -> (V, N, D).

        times (V,): how often each video counts; None: once.
        """
        with torch.autocast(clips.device.type, enabled=False):
            x = at_least_float32(clips)
            mean, variance = self.mean, self.variance
            if self.training:
                weight = mask if times is None else mask * times[:, None]
                weight = weight[..., None].to(x)
                count = _Sum.apply(weight.sum())
                mean = _Sum.apply((x * weight).sum((0, 1))) / count
                variance = _Sum.apply(((x - mean).square() * weight).sum((0, 1))) / count
                with torch.no_grad():
                    self.mean.lerp_(mean.to(self.mean), MOMENTUM)
                    unbiased = variance * count / (count - 1).clamp(min=1)
                    self.variance.lerp_(unbiased.to(self.variance), MOMENTUM)
            return ((x - mean) * (variance + EPSILON).rsqrt()).to(clips.dtype)


class _Sum(torch.autograd.Function):
    """A tensor summed over all processes; its gradient is that of the sum of their losses."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _summed(gradients[0])


def _summed(x: Tensor) -> Tensor:
    x = x.clone()
    if dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(x)
    return x


def _over_processes(*values: Tensor) -> list[Tensor]:
    """Vectors summed over all processes, in one exchange."""
    joined = torch.cat(values)
    dist.all_reduce(joined)
    return list(joined.split([len(value) for value in values]))


def with_joint_statistics(network: nn.Module) -> None:
    """Make every batch norm of a network a GlobalBatchNorm; names and numbers stay."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm) and not isinstance(child, GlobalBatchNorm):
                setattr(module, name, GlobalBatchNorm.of(child))
