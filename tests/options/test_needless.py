"""An option that would reach nothing is refused; every option is tried by a test."""

import dataclasses
import re
import shlex

import pytest

from demo.two_stage import TwoStageOptions
from options.autoencoder import AutoencoderOptions
from options.caption import SearchOptions
from options.command.needless import NEEDLESS
from options.data import ClipOptions
from options.encoder import EncoderOptions
from options.evaluate import (
    BaselineOptions,
    CompareOptions,
    CurveOptions,
    ReconstructionOptions,
    ReportOptions,
    ScoreOptions,
    SplitOptions,
    TableOptions,
)
from options.evaluation.captions import CaptionFileOptions, CaptionRunOptions
from options.evaluation.labels import LabelRunOptions
from options.evaluation.retrieval import RetrievalScoreOptions
from options.inference.pack import PackOptions
from options.inference.stream import PredictStreamOptions
from options.inference.web import WebOptions
from options.library.ask import AskOptions
from options.library.export import ExportOptions
from options.library.index import IndexOptions
from options.library.rerank import RerankOptions
from options.library.search import LibraryOptions
from options.library.search import SearchOptions as FindOptions
from options.model import ModelOptions
from options.parse import parse
from options.predict import PredictCaptionOptions, PredictClassOptions, PredictOptions
from options.preprocess.captions import CaptionOptions
from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import ImportOptions, VideoOptions
from options.preprocess.labels import LabelOptions
from options.preprocess.questions import QuestionOptions
from options.preprocess.shapes import ShapesOptions
from options.preprocess.stream import StreamOptions
from options.task import AutoencoderRunOptions, option_classes
from options.train import TrainOptions
from tests.conftest import ROOT
from training.task.autoencoder import AutoencoderTask
from util.errors import UserError

QA, AUTOENCODER = option_classes("qa"), option_classes("autoencoder")
CAPTIONING = option_classes("captioning")
CLASSIFICATION = option_classes("classification")
CONTRASTIVE = option_classes("contrastive")
RETRIEVAL = option_classes("retrieval")
CAPTION = (PredictCaptionOptions, SearchOptions)
CAPTION_RUNS = (CaptionRunOptions, SearchOptions)
SCORE = (ScoreOptions, SplitOptions)
STORES = "--run r --questions q --appearance a --motion m"
CLIPS = "--run r --questions q --clips c"
CAPTIONS = "--run r --captions c --appearance a"
LABELS = "--run r --labels l --appearance a"
LABELLED_CLIPS = "--run r --labels l --clips c"
EXTRACT = "--videos v --output o.h5 --weights random"
CASES = [
    *(
        (CAPTIONING, f"{CAPTIONS} --{name}", "dualvgr_lstm")
        for name in ("units 2", "graph_layers 2", "topology window:2", "fusion mfb",
                     "bilinear_width 8", "bilinear_factor 3", "relation_lr 0.1", "heads 2",
                     "graph_dropout 0.3", "fused_norm none")
    ),
    *(
        (CLASSIFICATION, f"{LABELS} --{name}", "relation")
        for name in ("units 2", "graph_layers 2", "topology window:2", "graph_dropout 0.3",
                     "fusion mfb", "bilinear_width 8", "bilinear_factor 3", "relation_lr 0.1")
    ),
    (CLASSIFICATION, f"{LABELS} --network linear --heads 2", "linear and rnn"),
    *(
        (CLASSIFICATION, f"{LABELS} --{name}", "vivit_average")
        for name in ("tubelet 4", "patch 8", "depth 2", "mlp 8", "gelu tanh", "drop_path 0.1",
                     "time_positions false", "repeats 2", "head_mixing identity",
                     "mlp_transform identity", "vit_weights w", "tubelet_init uniform",
                     "teacher t")
    ),
    (CLASSIFICATION, f"{LABELS} --distill 0.1", "vivit_average"),
    (CLASSIFICATION, f"{LABELLED_CLIPS} --network vivit --distill 0.1", "no --teacher"),
    (CLASSIFICATION, f"{LABELLED_CLIPS} --network vivit_model1 --temporal_depth 4", "vivit"),
    (CLASSIFICATION, f"{LABELLED_CLIPS} --network vivit_average --time_positions false",
     "takes the mean over times"),
    (CLASSIFICATION, f"{LABELLED_CLIPS} --network vivit --channels appearance", "are one channel"),
    *(
        (CLASSIFICATION, f"{LABELLED_CLIPS} --network vivit --{name}", "and their features")
        for name in ("appearance_encoder x", "motion_encoder x", "appearance_weights w",
                     "motion_weights w", "encoders frozen", "batch_norm train", "encoder_lr 0.1",
                     "feature_norm standardize", "feature_dropout 0.1", "projection_layers 1")
    ),
    (CLASSIFICATION, f"{LABELS} --network linear --layers 3", "temporal_transformer and rnn"),
    (CLASSIFICATION, f"{LABELS} --network rnn --positions none", "temporal_transformer"),
    *(
        (CLASSIFICATION, f"{LABELS} --{name}", "rnn")
        for name in ("cell gru", "head_width 8", "tbptt 8", "carry 0.5")
    ),
    (CLASSIFICATION, f"{LABELS} --network linear --width 8", "--network linear"),
    (CLASSIFICATION, f"{LABELS} --network linear --dropout 0.5", "--network linear"),
    (CLASSIFICATION, "--run r --labels l --video none --frames middle", "--video none"),
    (CLASSIFICATION, "--run r --labels l --video none --clips_as views", "--video none"),
    (CLASSIFICATION, f"{LABELS} --frames middle --clips_as views", "which is one clip"),
    *(
        (CLASSIFICATION, f"{LABELLED_CLIPS} --channels {channels} --{other}_{what}",
         f"--channels {channels}")
        for channels, other in (("appearance", "motion"), ("motion", "appearance"))
        for what in ("encoder x", "weights w")
    ),
    (CAPTIONING, f"{CAPTIONS} --layers 3", "transformer"),
    (CAPTIONING, f"{CAPTIONS} --attn_act none", "ets_paddle"),
    (CAPTIONING, f"{CAPTIONS} --decoder transformer --legacy_frame_aligned", "lstm"),
    (CAPTIONING, f"{CAPTIONS} --attention_penalty 1", "positions"),
    (CAPTIONING, f"{CAPTIONS} --decoder dualvgr_lstm --positions frames", "reads clips"),
    *(
        (CAPTIONING, f"{CAPTIONS} --legacy_frame_aligned --{name}", "reads no words")
        for name in ("word_width 8", "freeze_words")
    ),
    (CAPTIONING, "--run r --captions c --video none --positions frames", "--video none"),
    *(
        (QA, f"--run r --questions q --video none --{name}", "--video none")
        for name in ("channels motion", "features_in gpu", "feature_norm standardize",
                     "feature_dropout 0.1", "encoder_lr 0.1", "batch_norm train", "flip 0.5",
                     "jitter 0.1", "crop 16", "affine_degrees 9", "affine_scale 0.1",
                     "affine_translate 0.1", "checkpointing", "encoders frozen",
                     "projection_layers 1")
    ),
    (QA, "--run r --questions q --appearance a --video none --motion_from mean", "--video none"),
    (QA, "--run r --questions q --video none --readout_of features", "--video none"),
    *(
        (QA, f"{STORES} --model low_rank --{name}", "--model low_rank")
        for name in ("units 2", "heads 2", "graph_layers 2", "topology window:2", "fusion linear",
                     "bilinear_width 8", "bilinear_factor 3", "punish nodes",
                     "word_mask released", "question_summary bag", "head product",
                     "readout_of features", "clip_dropout 0.1", "feature_dropout 0.1",
                     "state_dropout 0.1", "gamma 1", "beta 1", "hsic released",
                     "relation_lr 0.1", "rebuild")
    ),
    *(
        (QA, f"{STORES} --units 0 --{name}", "--units 0")
        for name in ("heads 2", "graph_layers 2", "topology window:2", "punish nodes",
                     "word_mask released", "gamma 1", "beta 1", "hsic released")
    ),
    (QA, f"{STORES} --semantic_head", "--head other than product"),
    (QA, f"{CLIPS} --features_in disk", "--clips"),
    (SCORE, "--run r --clips c --features_in disk", "--clips"),
    (QA, f"{CLIPS} --encoders frozen --encoder_lr 0.1", "--encoders frozen"),
    (QA, f"{CLIPS} --encoders frozen --batch_norm train", "--encoders frozen"),
    (AUTOENCODER, "--run r --clips c --encoders frozen --checkpointing", "--encoders frozen"),
    (QA, f"{STORES} --fusion linear --bilinear_width 8", "--fusion linear"),
    (QA, f"{STORES} --fusion linear --bilinear_factor 3", "--fusion linear"),
    (QA, f"{STORES} --choice_loss hinge --label_smoothing 0.1", "--choice_loss hinge"),
    (QA, f"{STORES} --beta 0 --hsic released", "--beta 0"),
    (QA, f"{STORES} --momentum 0.5", "sgd"),
    (QA, f"{STORES} --halve_every 5", "--schedule"),
    (QA, f"{STORES} --schedule cosine --halve_every 5", "--schedule"),
    (QA, f"{STORES} --warmup 5 --noam_width 8", "--schedule"),
    (QA, f"{STORES} --seeds 3 --seed 5", "--seeds"),
    (AUTOENCODER, "--run r --clips c --discriminator_lr 2", "--adversarial 0"),
    (AUTOENCODER, "--run r --clips c --discriminator_hidden 8", "--adversarial 0"),
    (QA, f"{STORES} --channels motion --rebuild", "--channels"),
    (QA, "--run r --questions q --appearance a --motion_from mean --rebuild", "--motion_from"),
    (QA, f"{STORES} --readout_of features --rebuild", "past the clips"),
    (QA, "--run r --questions q --video none --rebuild", "--video none"),
    (SCORE, "--run r --fill rebuilt", "no --missing channel"),
    (SCORE, "--run r --video none --missing motion", "--video none"),
    (AUTOENCODER, "--run r --clips c --mask_patch 4", "--mask 0"),
    (CONTRASTIVE, "--run r --clips c --head_layers 1 --head_hidden 9", "--head_layers 1"),
    (AUTOENCODER, "--run r --clips c --questions q --val_share 0.2", "--questions"),
    (AUTOENCODER, "--run r --clips c --labels l --val_share 0.2", "--labels"),
    (SCORE, "--run r --video none --seed 5", "--video none"),
    ((BaselineOptions,), "--questions q --top_answers 5", "--questions"),
    *(
        ((QuestionOptions,), f"--dataset own --annotations a --check --{more}", "--check")
        for more in ("output q.pt", "glove g", "vectors random", "word_width 8", "top_answers 5",
                     "answers_from union")
    ),
    ((VideoOptions,), f"{EXTRACT} --backbone resnet18 --fps 5 --clips 4", "--fps"),
    ((VideoOptions,), f"{EXTRACT} --backbone resnet18 --fps 5 --frames 4", "--fps"),
    ((VideoOptions,), f"{EXTRACT} --backbone resnet18 --motion_norm raw255", "resnext101"),
    ((StreamOptions,), "--video v --backbone pixels --motion_norm raw255", "resnext101"),
    (
        (VideoOptions, ClusterOptions),
        f"{EXTRACT} --backbone resnet18 --device cpu --gpus_per_actor 0.5", "--device cpu",
    ),
    (CAPTION, "--run r --video v --every 2", "--videos"),
    (CAPTION, "--run r --videos v --as vtt", "--live"),
    (CAPTION, "--run r --live v --n_best 2", "one caption at a time"),
    (CAPTION, "--run r --video v --as srt --n_best 2", "one caption at a time"),
    (CAPTION, "--run r --live v --output o", "--live, which prints"),
    ((PredictOptions,), "--question q --video v --every 2", "no --live"),
    ((PredictOptions,), "--question q --live v --n_best 2", "one answer at a time"),
    ((PredictOptions,), "--question q --live v --output o", "--live, which prints"),
]  # fmt: skip


@pytest.mark.parametrize(("classes", "typed", "beside"), CASES, ids=[c[1] for c in CASES])
def test_an_option_that_reaches_nothing_is_refused(classes, typed: str, beside: str) -> None:
    with pytest.raises(UserError, match=rf"reaches nothing beside .*{beside}"):
        parse("prog", "", classes, typed.split())
    name = re.findall(r"--(\w+)", typed)[-1]
    name = name if f"--{name}" != beside else re.findall(r"--(\w+)", typed)[-2]
    fields = [field for cls in classes for field in dataclasses.fields(cls)]
    default = next(field.default for field in fields if field.name.rstrip("_") == name)
    if isinstance(default, str | int | float):  # its default says nothing new
        given = re.sub(rf"--{name}\b( [^-]\S*)?", f"--{name}={default}", typed)
        parse("prog", "", classes, given.split())


def test_every_line_of_the_table_is_tried() -> None:
    tried = {(re.findall(r"[\w ]+$", beside)[0], typed) for _, typed, beside in CASES}
    for options, beside, _ in NEEDLESS:
        for name in options:
            assert any(f"--{name}" in typed and b.strip() in beside for b, typed in tried), name


def test_what_flags_make_needless_of_a_preset_is_no_mistake(tmp_path) -> None:
    flags = ["--preset", "shapes_one_stage", "--encoders", "frozen"]  # which trains batch norm
    parse("prog", "", QA, flags)
    with pytest.raises(UserError, match=r"--encoder_lr 0\.5: reaches nothing"):
        parse("prog", "", QA, [*flags, "--encoder_lr", "0.5"])
    own = tmp_path / "own.yaml"
    own.write_text("run: r\nquestions: q\nvideo: none\nchannels: motion\n")
    with pytest.raises(UserError, match="--channels motion: reaches nothing beside --video none"):
        parse("prog", "", QA, ["--preset", str(own)])


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999"])
@pytest.mark.parametrize(("classes", "flags"), [(QA, STORES), (SCORE, "--run r")])
def test_seeds_that_cannot_be(classes, flags: str, seed: str) -> None:
    with pytest.raises(UserError, match=rf"--seed {seed}: must be"):
        parse("prog", "", classes, [*flags.split(), "--seed", seed])


def test_the_autoencoder_punishes_nothing() -> None:
    model = dataclasses.replace(ModelOptions(), punish="nodes")
    options = AutoencoderRunOptions(
        ClipOptions(clips="c"), model, EncoderOptions(), AutoencoderOptions(), TrainOptions(run="r")
    )
    with pytest.raises(UserError, match="--punish nodes: is for answering questions"):
        AutoencoderTask(options, checkpoint=None)


CLASSES = (
    *QA, *AUTOENCODER, *CAPTIONING, *CLASSIFICATION, *CONTRASTIVE, *SCORE, BaselineOptions,
    LabelOptions, LabelRunOptions, PredictClassOptions, PredictStreamOptions, CompareOptions,
    CurveOptions, ImportOptions, PackOptions, PredictOptions, PredictCaptionOptions,
    QuestionOptions, ReconstructionOptions,
    ReportOptions, ShapesOptions, StreamOptions, TableOptions, TwoStageOptions, VideoOptions,
    ClusterOptions, CaptionFileOptions, *CAPTION_RUNS, *RETRIEVAL, RetrievalScoreOptions,
    IndexOptions, LibraryOptions, FindOptions, AskOptions, RerankOptions, ExportOptions,
    WebOptions,
)  # fmt: skip
FIELDS = sorted(
    {(cls, f.name.rstrip("_")) for cls in CLASSES for f in dataclasses.fields(cls)}, key=str
)


def test_every_option_is_tried_by_a_test() -> None:
    here = ROOT / "tests" / "options"
    texts = [p.read_text() for p in (ROOT / "tests").rglob("*.py") if p.parent != here]
    everything = "\n".join(texts)
    untried = {
        name
        for _, name in FIELDS
        if not re.search(rf"--{name}\b|\b{name}=|[\"']{name}[\"']:", everything)
    }
    assert not untried


COMMANDS = {
    "train.py": QA,
    "train.py qa": QA,
    "train.py autoencoder": AUTOENCODER,
    "train.py captioning": CAPTIONING,
    "train.py contrastive": CONTRASTIVE,
    "train.py retrieval": RETRIEVAL,
    "train.py classification": CLASSIFICATION,
    "evaluate.py": SCORE,
    "evaluate.py compare": (CompareOptions,),
    "evaluate.py baselines": (BaselineOptions,),
    "evaluate.py report": (ReportOptions, SplitOptions),
    "evaluate.py curves": (CurveOptions,),
    "evaluate.py reconstruction": (ReconstructionOptions,),
    "evaluate.py table": (TableOptions,),
    "evaluate.py retrieval": (RetrievalScoreOptions,),
    "library index": (IndexOptions, LibraryOptions),
    "library search": (FindOptions, LibraryOptions),
    "library ask": (AskOptions, LibraryOptions),
    "library rerank": (RerankOptions,),
    "library export": (ExportOptions,),
    "-m web": (WebOptions,),
    "evaluate.py captions": (CaptionFileOptions,),
    "evaluate.py classification": (LabelRunOptions,),
    "predict.py": (PredictOptions,),
    "predict.py ask": (PredictOptions,),
    "predict.py caption": CAPTION,
    "predict.py classify": (PredictClassOptions,),
    "predict.py stream": (PredictStreamOptions,),
    "inference.pack": (PackOptions,),
    "preprocess.videos": (VideoOptions,),
    "preprocess.cluster": (VideoOptions, ClusterOptions),
    "preprocess.questions": (QuestionOptions,),
    "preprocess.captions": (CaptionOptions,),
    "preprocess.labels": (LabelOptions,),
    "preprocess.import_features": (ImportOptions,),
    "preprocess.stream": (StreamOptions,),
    "preprocess.shapes": (ShapesOptions,),
}
FIRST = {
    "evaluate.py compare": "runs", "preprocess.stream": "video", "library index": "folder",
    "library search": "query", "library ask": "question", "library rerank": "candidates",
    "library export": "hits",
}  # fmt: skip


def documented() -> list[str]:
    """The command lines of README.md and docs/, in blocks of code."""
    lines = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in re.findall(r"```(?:bash|sh)?\n(.*?)```", path.read_text(), re.DOTALL):
            lines += block.replace("\\\n", " ").splitlines()
    names = "|".join(re.escape(name) for name in COMMANDS)
    shown = [line for line in lines if re.search(rf"(python |-- ).*({names})( |$)", line)]
    return [line for line in shown if "$" not in line]  # variables of a shell


@pytest.mark.parametrize("line", documented())
def test_documented_commands_are_parsed(line: str) -> None:
    words = shlex.split(line, comments=True)
    both = [" ".join(words[i : i + 2]) for i in range(len(words))]
    at = next(i for i, word in enumerate(words) if word in COMMANDS or both[i] in COMMANDS)
    name = words[at]
    if " ".join(words[at : at + 2]) in COMMANDS:
        name, at = " ".join(words[at : at + 2]), at + 1
    given = [w for w in words[at + 1 :] if w not in ("&&", "|")]
    runs = name == "evaluate.py captions" and "--run" in given
    if name == "predict.py" and "--stream" in given:
        name = "predict.py stream"
    classes = CAPTION_RUNS if runs else COMMANDS[name]
    parse(name, "", classes, given, first=FIRST.get(name, ""))
