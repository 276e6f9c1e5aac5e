"""Options that would reach nothing beside the others: refused, because somebody expects something.

A class refuses what it knows alone (`__post_init__`); this table is of options that meet, of one
class or of several.  It is asked of what people write, never of a checkpoint's options.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from options.classification import SEE_FRAMES
from util.errors import UserError

Values = Mapping[str, Any]


class Needless(NamedTuple):
    """Options that reach nothing where others have certain values."""

    options: tuple[str, ...]
    beside: str  # the other options, as the message shows them
    where: Callable[[Values], bool]  # of all values of the command


def decoder_other_than(*names: str) -> Callable[[Values], bool]:
    """Whether a captioner has another decoder than these."""
    return lambda v: "captions" in v and "decoder" in v and v["decoder"] not in names


def network_other_than(*names: str) -> Callable[[Values], bool]:
    """Whether a classifier is another network than these."""
    return lambda v: "labels" in v and "network" in v and v["network"] not in names


NEEDLESS = (
    Needless(
        ("units", "graph_layers", "topology", "graph_dropout", "fusion", "bilinear_width",
         "bilinear_factor", "relation_lr"),
        "a --network other than relation", network_other_than("relation"),
    ),
    Needless(
        ("heads",), "--network linear and rnn",
        network_other_than("temporal_transformer", "relation", *SEE_FRAMES),
    ),
    Needless(
        ("layers",), "a --network other than temporal_transformer and rnn",
        network_other_than("temporal_transformer", "rnn"),
    ),
    Needless(
        ("positions",), "a --network other than temporal_transformer",
        network_other_than("temporal_transformer"),
    ),
    Needless(
        ("cell", "head_width", "tbptt", "carry"), "a --network other than rnn",
        network_other_than("rnn"),
    ),
    Needless(
        ("tubelet", "patch", "depth", "mlp", "gelu", "drop_path", "time_positions", "repeats",
         "head_mixing", "mlp_transform", "vit_weights", "tubelet_init", "teacher", "distill"),
        f"a --network other than {', '.join(SEE_FRAMES)}", network_other_than(*SEE_FRAMES),
    ),
    Needless(
        ("temporal_depth",), "a --network other than vivit", network_other_than("vivit")
    ),
    Needless(
        ("appearance_encoder", "motion_encoder", "appearance_weights", "motion_weights",
         "encoders", "batch_norm", "encoder_lr", "projection_layers", "feature_norm",
         "feature_dropout"),
        "a --network that sees frames itself, without encoders and their features",
        lambda v: v.get("network") in SEE_FRAMES,
    ),
    Needless(
        ("channels",), "a --network that sees frames itself, which are one channel",
        lambda v: v.get("network") in SEE_FRAMES and v["frames"] != "middle",
    ),
    Needless(
        ("time_positions",), "--network vivit_average, which takes the mean over times",
        lambda v: v.get("network") == "vivit_average",
    ),
    Needless(
        ("distill",), "no --teacher", lambda v: "distill" in v and v["teacher"] is None
    ),
    Needless(
        ("width", "dropout"), "--network linear",
        lambda v: "labels" in v and v.get("network") == "linear",
    ),
    Needless(
        ("frames", "clips_as"),
        "--video none", lambda v: "labels" in v and v.get("video") == "none",
    ),
    Needless(
        ("clips_as",), "--frames middle, which is one clip",
        lambda v: "labels" in v and v.get("frames") == "middle",
    ),
    Needless(
        ("motion_encoder", "motion_weights"), "--channels appearance",
        lambda v: "labels" in v and v.get("channels") == "appearance",
    ),
    Needless(
        ("appearance_encoder", "appearance_weights"), "--channels motion",
        lambda v: "labels" in v and v.get("channels") == "motion",
    ),
    Needless(
        ("units", "graph_layers", "topology", "graph_dropout", "fusion", "fused_norm",
         "bilinear_width", "bilinear_factor", "relation_lr"),
        "a --decoder other than dualvgr_lstm", decoder_other_than("dualvgr_lstm"),
    ),
    Needless(
        ("heads",), "a --decoder other than transformer and dualvgr_lstm",
        decoder_other_than("transformer", "dualvgr_lstm"),
    ),
    Needless(
        ("layers",), "a --decoder other than transformer", decoder_other_than("transformer")
    ),
    Needless(
        ("attn_act",), "a --decoder other than ets_paddle", decoder_other_than("ets_paddle")
    ),
    Needless(
        ("legacy_frame_aligned",), "a --decoder other than lstm", decoder_other_than("lstm")
    ),
    Needless(
        ("attention_penalty",), "a --decoder without attention over a video's positions",
        decoder_other_than("ets_paddle", "ets_yao2015", "transformer"),
    ),
    Needless(
        ("positions",), "--decoder dualvgr_lstm, which reads clips",
        lambda v: "captions" in v and v.get("decoder") == "dualvgr_lstm",
    ),
    Needless(
        ("word_width", "freeze_words"), "--legacy_frame_aligned, which reads no words",
        lambda v: bool(v.get("legacy_frame_aligned")),
    ),
    Needless(
        ("positions",), "--video none", lambda v: "captions" in v and v.get("video") == "none"
    ),
    Needless(
        ("channels", "features_in", "feature_norm", "feature_dropout", "encoders", "encoder_lr",
         "batch_norm", "projection_layers", "checkpointing", "crop", "flip", "jitter",
         "affine_degrees", "affine_scale", "affine_translate"),
        "--video none", lambda v: "epochs" in v and v.get("video") == "none",
    ),
    Needless(
        ("units", "heads", "graph_layers", "topology", "fusion", "bilinear_width",
         "bilinear_factor", "punish", "word_mask", "question_summary", "head", "readout_of",
         "clip_dropout", "feature_dropout", "state_dropout", "gamma", "beta", "hsic",
         "relation_lr", "rebuild"),
        "--model low_rank", lambda v: v.get("model") == "low_rank",
    ),
    Needless(
        ("heads", "graph_layers", "topology", "punish", "word_mask", "gamma", "beta", "hsic"),
        "--units 0", lambda v: "epochs" in v and v.get("units") == 0,
    ),
    Needless(
        ("semantic_head",), "a --head other than product",
        lambda v: v.get("model") == "dualvgr" and v.get("head") != "product",
    ),
    Needless(
        ("motion_from", "readout_of", "rebuild"),
        "--video none", lambda v: "epochs" in v and v.get("video") == "none",
    ),
    Needless(("features_in",), "--clips", lambda v: bool(v.get("clips"))),
    Needless(
        ("encoder_lr", "batch_norm", "checkpointing"),
        "--encoders frozen", lambda v: v.get("encoders") == "frozen",
    ),
    Needless(
        ("bilinear_width", "bilinear_factor"),
        "--fusion linear", lambda v: v.get("fusion") == "linear",
    ),
    Needless(
        ("label_smoothing",), "--choice_loss hinge", lambda v: v.get("choice_loss") == "hinge"
    ),
    Needless(("hsic",), "--beta 0", lambda v: v.get("beta") == 0),
    Needless(
        ("momentum",), "an --optimizer other than sgd and lars",
        lambda v: v.get("optimizer") not in ("sgd", "lars"),
    ),
    Needless(
        ("halve_every",), "a --schedule other than halve", lambda v: v.get("schedule") != "halve"
    ),
    Needless(
        ("noam_width",), "a --schedule other than noam", lambda v: v.get("schedule") != "noam"
    ),
    Needless(("seed",), "--seeds, which has seeds of its own", lambda v: bool(v.get("seeds"))),
    Needless(
        ("discriminator_hidden", "discriminator_lr"),
        "--adversarial 0", lambda v: v.get("adversarial") == 0,
    ),
    Needless(("head_hidden",), "--head_layers 1", lambda v: v.get("head_layers") == 1),
    Needless(
        ("rebuild",), "a channel left out by --channels",
        lambda v: v.get("channels", "both") != "both",
    ),
    Needless(
        ("rebuild",), "a motion channel made of the other by --motion_from",
        lambda v: v.get("motion_from", "store") != "store",
    ),
    Needless(
        ("rebuild",), "--readout_of features, which are read past the clips",
        lambda v: v.get("readout_of") == "features",
    ),
    Needless(("fill",), "no --missing channel", lambda v: "fill" in v and v["missing"] is None),
    Needless(
        ("missing",), "--video none",
        lambda v: "protocol" in v and v.get("video") == "none",
    ),
    Needless(("mask_patch",), "--mask 0", lambda v: v.get("mask") == 0),
    Needless(
        ("val_share",), "--questions, which says what is validated on",
        lambda v: bool(v.get("questions")),
    ),
    Needless(
        ("val_share",), "--labels, which says what is validated on",
        lambda v: bool(v.get("labels")),
    ),
    Needless(
        ("seed",), "--video none", lambda v: "protocol" in v and v.get("video") == "none"
    ),
    Needless(
        ("top_answers",), "--questions, which has its answers already",
        lambda v: "protocol" in v and bool(v.get("questions")),
    ),
    Needless(
        ("output", "glove", "vectors", "word_width", "top_answers", "answers_from"),
        "--check, which writes nothing", lambda v: bool(v.get("check")),
    ),
    Needless(
        ("motion_norm",), "any --backbone but resnext101",
        lambda v: "resnext101" not in v.get("backbone", ()),
    ),
    Needless(
        ("clips", "frames"), "--fps", lambda v: "retry" in v and v["fps"] > 0
    ),
    Needless(("gpus_per_actor",), "--device cpu", lambda v: v.get("device") == "cpu"),
    Needless(
        ("every",), "--video without --as, and --videos",
        lambda v: {"as", "live"} <= v.keys() and v["live"] is None and v["as"] is None,
    ),
    Needless(
        ("as",), "--videos and --live", lambda v: {"as", "video"} <= v.keys() and v["video"] is None
    ),
    Needless(
        ("n_best",), "--as and --live, which have one caption at a time",
        lambda v: {"as", "live"} <= v.keys() and (v["live"] is not None or v["as"] is not None),
    ),
    Needless(("every",), "no --live", lambda v: "choices" in v and v["live"] is None),
    Needless(
        ("n_best",), "--live, which tells one answer at a time",
        lambda v: "choices" in v and v["live"] is not None,
    ),
    Needless(("output",), "--live, which prints", lambda v: v.get("live") is not None),
)  # fmt: skip


def refuse_needless(written: Collection[str], values: Values, defaults: Values, prog: str) -> None:
    """Raise UserError for an option that somebody wrote, and that reaches nothing.

    written: the options that flags (or a preset) name; values: those of the whole command.
    An option that has its default value all the same is let pass.
    """
    for options, beside, where in NEEDLESS:
        for name in options:
            if name in written and values[name] != defaults[name] and where(values):
                shown = values[name]
                shown = " ".join(shown) if isinstance(shown, list | tuple) else shown
                raise UserError(
                    f"{prog}: --{name} {shown}: reaches nothing beside {beside}; leave it out"
                )
