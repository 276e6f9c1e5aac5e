"""Weights of the released DualVGR code under this project's names (spec, section 7, table)."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_LSTMS = {
    "linguistic_input_unit.concatRNN.rnn": "question.sequence",
    "linguistic_input_unit.encoder": "question.summary",
    "visual_appearance_input_unit.encoder": "video.frames",
}
_GRAPHS = {
    "appearance_GCN": "appearance_specific",
    "acGCN": "appearance_common",
    "motion_GCN": "motion_specific",
    "mcGCN": "motion_common",
}
_UNIT = {
    "queryAttn.feat_enhance": "words.enhance",
    "queryAttn.fc": "words.score",
    "queryPunish_appear.query_weight": "appearance_query",
    "queryPunish_motion.query_weight": "motion_query",
    "attention_appearance.project.0": "appearance_fusion.hidden",
    "attention_appearance.project.2": "appearance_fusion.score",
    "attention_motion.project.0": "motion_fusion.hidden",
    "attention_motion.project.2": "motion_fusion.score",
}
_PLAIN = {
    "linguistic_input_unit.encoder_embed": "question.embedding",
    "visual_motion_input_unit": "video.motion",
    "visual_input_unit.visualfusion.linear0": "fusion.appearance",
    "visual_input_unit.visualfusion.linear1": "fusion.motion",
    "visual_input_unit.visualfusion.linear_out": "fusion.out",
    "feature_aggregation.v_proj": "readout.hidden",
    "feature_aggregation.attn": "readout.score",
    "output_unit.question_proj": "head.question",
    "output_unit.classifier.1": "head.hidden",
    "output_unit.classifier.3": "head.norm",
    "output_unit.classifier.5": "head.out",
}
_HEAD = re.compile(r"visual_input_unit\.(\w+)\.(\d+)\.attention_(\d+)\.(W|a)\.(weight|bias)")
_PER_UNIT = re.compile(r"visual_input_unit\.(\w+)\.(\d+)\.([\w.]+)\.(weight|bias)")
_RECURRENT = re.compile(r"(.+)\.((?:weight|bias)_[ih]h_l0)(_reverse)?")


def is_released(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of the released code."""
    return "linguistic_input_unit.encoder_embed.weight" in state


def from_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and stack the released code's parameters (or their gradients) for `DualVGR`.

    The heads of a graph, separate modules there, become one matrix here.  Raises KeyError with
    the name of a parameter that the table does not know.
    """
    here: dict[str, Tensor] = {}
    heads: dict[tuple[str, str], dict[int, Tensor]] = {}
    for name, value in state.items():
        if match := _HEAD.fullmatch(name):
            graph, unit, head, matrix, kind = match.groups()
            prefix = f"units.{unit}.{_GRAPHS[graph]}.layers.0"
            heads.setdefault((prefix, f"{matrix}.{kind}"), {})[int(head)] = value
        elif match := _RECURRENT.fullmatch(name):
            lstm, parameter, reverse = match.groups()
            here[f"{_LSTMS[lstm]}.{'back' if reverse else 'ahead'}.{parameter}"] = value
        elif (match := _PER_UNIT.fullmatch(name)) and f"{match[1]}.{match[3]}" in _UNIT:
            group, unit, layer, kind = match.groups()
            here[f"units.{unit}.{_UNIT[f'{group}.{layer}']}.{kind}"] = value
        else:
            module, _, kind = name.rpartition(".")
            here[f"{_PLAIN[module]}.{kind}"] = value
    for (prefix, parameter), parts in heads.items():
        ordered = [parts[k] for k in sorted(parts)]
        if parameter == "a.weight":  # (1, 2d) a head: [w_left | w_right]
            left, right = torch.cat(ordered).chunk(2, dim=1)
            here[f"{prefix}.left"], here[f"{prefix}.right"] = left, right
        elif parameter == "a.bias":
            here[f"{prefix}.bias"] = torch.cat(ordered)
        else:
            here[f"{prefix}.project.{parameter.removeprefix('W.')}"] = torch.cat(ordered)
    return here
