"""Options that would reach nothing beside the others: refused, because somebody expects something.

A class refuses what it knows alone (`__post_init__`); this table is of options that meet, of one
class or of several.  It is asked of what people write, never of a checkpoint's options.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

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


NEEDLESS = (
    Needless(
        ("units", "graph_layers", "topology", "graph_dropout", "fusion", "bilinear_width",
         "bilinear_factor", "relation_lr"),
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
         "batch_norm", "checkpointing", "crop", "flip", "jitter"),
        "--video none", lambda v: "epochs" in v and v.get("video") == "none",
    ),
    Needless(
        ("units", "heads", "graph_layers", "topology", "fusion", "bilinear_width",
         "bilinear_factor", "punish", "word_mask", "question_summary", "head", "readout_of",
         "clip_dropout", "feature_dropout", "state_dropout", "gamma", "beta", "hsic",
         "relation_lr"),
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
        ("motion_from", "readout_of"),
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
    Needless(("hsic",), "--beta 0", lambda v: v.get("beta") == 0),
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
    Needless(
        ("val_share",), "--questions, which says what is validated on",
        lambda v: bool(v.get("questions")),
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
        lambda v: "live" in v and v["live"] is None and v["as"] is None,
    ),
    Needless(("as",), "--videos and --live", lambda v: "live" in v and v["video"] is None),
    Needless(
        ("n_best",), "--as and --live, which have one caption at a time",
        lambda v: "live" in v and (v["live"] is not None or v["as"] is not None),
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
