"""Load a frozen backbone, by its name or by what a store says of the one that made it."""

from dataclasses import replace

from data_loader.store.provenance import Crop, Provenance
from model.backbone.spec import PixelSpec, name_normalisation
from model.backbone.table import find_spec, open_network
from model.backbone.timm import Opened
from options.preprocess.extract import POOLED
from preprocess.feature.extractor import FeatureExtractor, NetworkExtractor, PixelExtractor
from preprocess.feature.layer import check_layer, with_layer
from util.device import pick_device
from util.errors import UserError


def load_backbone(
    name: str, *, weights: str | None, layer: str = POOLED, resize: str = "squash",
    motion_norm: str = "kinetics", device: str = "auto", batch: int = 0, scaler: str = "torch",
    frames: int | None = None, precision: str = "float32", runtime: str = "torch",
    threads: int = 1,
) -> FeatureExtractor:  # fmt: skip
    """Make a backbone ready to run.

    `weights`: a file, torchvision's name of weights, `pretrained` (the library's own, downloaded),
    `package` (of an installed package), or `random`; None for pixels.  `layer`: pooled, or one
    that needs the classifier: logits | probabilities | semantic.  `resize`, `motion_norm`: spec of
    the input (squash | crop; kinetics | raw255, resnext101 only).  `batch`: frames per pass, 0 for
    the device's usual.  `scaler`: decoder | torch, what resizes its input.  `frames`: of the clips
    that it will see, None if not known.  `precision`: float32 | bf16, in the network.  `runtime`:
    torch | openvino | auto (OpenVINO on a CPU, where it can; a video network then needs `frames`),
    called by `threads` at once.  Raises UserError for an unknown name, missing or misfit weights, a
    choice that the backbone does not have, clips that it cannot take, or a device or runtime that
    is not there.
    """
    spec = find_spec(name)
    check_layer(name, spec, layer)
    if motion_norm == "raw255" and name != "resnext101":
        raise UserError(f"--motion_norm raw255: is for resnext101 only; leave it out for {name}")
    if isinstance(spec, PixelSpec):
        if weights is not None:
            raise UserError(f"--weights {weights}: {name} has no weights; leave it out")
        if resize != "squash":
            raise UserError(f"--resize {resize}: {name} averages whole frames; leave it out")
        return PixelExtractor(name=name, spec=spec)
    problem = spec.frames_problem(frames) if spec and frames is not None else ""
    if problem:
        raise UserError(f"--frames {frames}: {name} {problem}; give --frames 16")
    target = pick_device(device)
    spec, network, source = _open(name, weights, layer)
    norm = motion_norm if name == "resnext101" else spec.normalisations[0]
    return NetworkExtractor(
        name=name, spec=spec, network=network, weights=source, layer=layer, resize=resize,
        device=target,
        normalisation=norm, batch=batch, scaler=scaler, precision=precision, runtime=runtime,
        frames=frames, threads=threads,
    )  # fmt: skip


def backbone_from_provenance(
    provenance: Provenance, *, weights: str | None = None, device: str = "auto", batch: int = 0
) -> FeatureExtractor:
    """The backbone that made a store, to run on a new video.

    `weights`: where its file lies now, if not where it lay then.  Raises UserError if the store has
    no backbone to run (imported features), or the weights are missing or not the same.
    """
    name, stored = provenance.backbone or "?", provenance.weights
    if not provenance.has_backbone or stored is None:
        raise UserError(
            f"features from {name} have no backbone to run, so no new video can be asked; use a "
            "run on stores made by preprocess.videos"
        )
    source = weights or (None if stored.source == "none" else stored.source)
    spec = find_spec(name)
    if isinstance(spec, PixelSpec):
        return PixelExtractor(name=name, spec=spec)
    target = pick_device(device)
    made = provenance.with_defaults()
    assert made.layer is not None
    spec, network, found = _open(name, source, made.layer)
    if found["sha256"] != stored.sha256:
        raise UserError(
            f"--weights {source}: SHA-256 {found['sha256'][:12]}..., but the store was made with "
            f"{stored.sha256[:12]}... ({stored.source}); give that file"
        )
    norm = made.normalisation
    assert norm and norm.mean and norm.std and made.scaler and made.network_precision
    if isinstance(made.crop, Crop):  # that of the store, whatever these weights' is today
        spec = replace(spec, scaled=made.crop.of)
    return NetworkExtractor(
        name=name, spec=spec, network=network, weights=found, layer=made.layer, device=target,
        batch=batch,
        resize="crop" if isinstance(made.crop, Crop) else "squash",
        normalisation=name_normalisation(norm.mean, norm.std),
        scaler=made.scaler, precision=made.network_precision,
    )  # fmt: skip


def _open(name: str, weights: str | None, layer: str) -> Opened:
    """Spec, network and source of weights, for features of a layer."""
    if layer == POOLED:
        return open_network(name, weights)
    spec, network, source = open_network(name, weights, classifier=True)
    return *with_layer(layer, spec, network), source
