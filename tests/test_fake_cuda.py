"""Every task takes its steps on (fake) CUDA tensors: one device, and nothing asked of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from data_loader.batch import (
    Batch,
    CandidateBatch,
    CaptionBatch,
    Features,
    Frames,
    LabelBatch,
    PairBatch,
)
from data_loader.vocabulary import CaptionVocabulary, Vocabulary
from model.answer.kind import Kind
from model.backbone.spec import NORMALISATIONS
from model.task.autoencoder import Autoencoding
from model.task.captioning import Captioning
from model.task.classification import Classification
from model.task.contrastive import Contrastive
from model.task.encoder import build_encoder
from model.task.frame_network import build_network
from model.task.qa import QuestionAnswering
from model.task.retrieval import Retrieval
from options.autoencoder import AutoencoderOptions
from options.caption import CaptionOptions
from options.classification import ClassificationOptions, VivitOptions
from options.contrastive import ContrastiveOptions
from options.encoder import EncoderOptions
from options.loss import LossOptions
from options.model import ModelOptions
from options.retrieval import RetrievalOptions
from options.train import TrainOptions
from tests.fake_cuda import backward, fake_cuda
from training.ema import AveragedWeights
from training.step import make_optimizer, take_step
from util.device import autocast
from util.metrics import Running

VIDEOS, CLIPS, FRAMES, WIDTH, SIDE, QUESTIONS = 3, 3, 2, 12, 18, 6
CUDA = torch.device("cuda")


class Case(NamedTuple):
    """One kind of step."""

    task: Callable[[], nn.Module]
    batch: Callable[[], Any]
    asked: tuple[str, ...] = ()  # operators that ask the device; none is what a step should do


def features() -> Features:
    mask = torch.arange(CLIPS, device=CUDA) < torch.full((VIDEOS, 1), 2, device=CUDA)
    return Features(
        appearance=torch.empty(VIDEOS, CLIPS, FRAMES, WIDTH, device=CUDA),
        motion=torch.empty(VIDEOS, CLIPS, WIDTH, device=CUDA),
        clip_mask=mask,
    )


def frames() -> Frames:
    index = torch.arange(VIDEOS * CLIPS * FRAMES, device=CUDA).view(VIDEOS, CLIPS, FRAMES)
    return Frames(
        frames=torch.empty(index.numel(), SIDE, SIDE, 3, dtype=torch.uint8, device=CUDA),
        index=index,
        clip_mask=torch.ones(VIDEOS, CLIPS, dtype=torch.bool, device=CUDA),
        row=torch.arange(VIDEOS, device=CUDA),
    )


def asked(visual: Callable[[], Features | Frames]) -> Batch:
    return Batch(
        visual=visual(),
        video=torch.zeros(QUESTIONS, dtype=torch.int64, device=CUDA),
        words=torch.ones(QUESTIONS, 5, dtype=torch.int64, device=CUDA),
        length=torch.full((QUESTIONS,), 3, device=CUDA),
        answer=torch.full((QUESTIONS,), 3, device=CUDA),
        row=torch.arange(QUESTIONS, device=CUDA),
    )


def encoder(**options: Any) -> Any:
    names = {"appearance_encoder": "resnet_narrow", "motion_encoder": "resnext_narrow"}
    return build_encoder(EncoderOptions(**names, **options))


def chosen(visual: Callable[[], Features | Frames]) -> Batch:
    """Questions of three candidates each; how many, nothing on the device knows."""
    return replace(
        asked(visual),
        candidates=CandidateBatch(
            words=torch.ones(18, 7, dtype=torch.int64, device=CUDA),
            length=torch.full((18,), 6, device=CUDA),
            question=torch.arange(18, device=CUDA) // 3,
        ),
        answer=torch.ones(QUESTIONS, dtype=torch.int64, device=CUDA),
    )


def answering(
    hsic: str = "paper",
    rebuild: bool = False,
    clips: Any = None,
    kind: Kind = "open",
    loss: Any = None,
    **options: Any,
) -> QuestionAnswering:
    widths = (WIDTH, WIDTH)
    if clips is not None:
        clips = encoder(**clips)
        widths = (clips.appearance.width, clips.motion.width)
    return QuestionAnswering(
        ModelOptions(width=8, **options),
        LossOptions(hsic=hsic, rebuild=rebuild, **(loss or {})),  # type: ignore[arg-type]
        vocabulary=Vocabulary(words=("w",) * 9, answers=("a",) * 7),
        word_width=4,
        encoder=clips,
        kind=kind,
        count_range=(1, 5) if kind == "count" else None,
        appearance_width=widths[0],
        motion_width=widths[1],
    )


def stored(**options: Any) -> Case:
    return Case(lambda: answering(**options), lambda: asked(features))


def choosing(loss: Any = None, **options: Any) -> Case:
    return Case(lambda: answering(kind="choice", loss=loss, **options), lambda: chosen(features))


def counting(loss: Any = None, **options: Any) -> Case:
    return Case(lambda: answering(kind="count", loss=loss, **options), lambda: asked(features))


def on_clips(**options: Any) -> Case:
    return Case(lambda: answering(clips=options), lambda: asked(frames))


def rebuilding(
    adversarial: float = 0.0, mask: float = 0.0, rebuild: float = 0.0, **options: Any
) -> Case:
    def task() -> Autoencoding:
        given = AutoencoderOptions(
            adversarial=adversarial, mask=mask, rebuild=rebuild, decoder_hidden=16
        )
        model = ModelOptions(width=8)
        return Autoencoding(model, given, encoder=encoder(**options), frames=FRAMES, size=SIDE)

    return Case(task, frames)


def contrasting(**options: Any) -> Case:
    def task() -> Contrastive:
        encoders = EncoderOptions(batch_norm="train", flip=0.5, jitter=0.8)
        given = ContrastiveOptions(embedding=8, **options)
        return Contrastive(given, encoders, encoder=encoder(batch_norm="train"))

    return Case(task, frames)


def captioned() -> CaptionBatch:
    return CaptionBatch(
        visual=features(),
        video=torch.zeros(QUESTIONS, dtype=torch.int64, device=CUDA),
        words=torch.full((QUESTIONS, 4), 5, device=CUDA),
        length=torch.full((QUESTIONS,), 3, device=CUDA),
        row=torch.arange(QUESTIONS, device=CUDA),
    )


def captioning(decoder: Any, **options: Any) -> Case:
    def task() -> Captioning:
        return Captioning(
            CaptionOptions(decoder=decoder, width=8, heads=2, **options),
            vocabulary=CaptionVocabulary(words=("w",) * 9),
            word_width=8,
            appearance_width=WIDTH,
            motion_width=WIDTH,
            mean_length=4.0,
        )

    return Case(task, captioned)


def paired() -> PairBatch:
    given = captioned()
    return PairBatch(**vars(given), segment=torch.zeros_like(given.row))


def retrieving(text_summary: Any, **options: Any) -> Case:
    def task() -> Retrieval:
        return Retrieval(
            RetrievalOptions(text_summary=text_summary, embedding=8, **options),
            vocabulary=CaptionVocabulary(words=("w",) * 9),
            word_width=8,
            appearance_width=WIDTH,
            motion_width=WIDTH,
        )

    return Case(task, paired)


def seeing(network: Any, teacher: bool = False, clips_as: Any = "sequence", **options: Any) -> Case:
    def task() -> Classification:
        steps = FRAMES if clips_as == "views" else FRAMES * CLIPS
        given = ClassificationOptions(network=network, width=8, heads=2, clips_as=clips_as)
        networks = [
            build_network(
                given, VivitOptions(depth=2, patch=6, **options), EncoderOptions(jitter=0.2),
                classes=2, frames=steps, size=(SIDE, SIDE), normalisation=NORMALISATIONS["half"],
            )
            for _ in range(1 + teacher)
        ]  # fmt: skip
        return Classification(
            given, classes=("a", "b"), appearance_width=0, motion_width=0, steps=steps,
            known_steps=1, frames=networks[0], distill=0.5,
            teacher=networks[1].eval() if teacher else None,
        )  # fmt: skip

    return Case(task, labelled)


def classifying(
    network: Any,
    clips: Any = None,
    values: bool = False,
    clips_as: Any = "sequence",
    **options: Any,
) -> Case:
    def task() -> Classification:
        given = ClassificationOptions(network=network, width=8, clips_as=clips_as, **options)
        encoders, widths = None, (WIDTH, WIDTH)
        if clips is not None:
            encoders = encoder(**clips)
            widths = (encoders.appearance.width, encoders.motion.width)
        return Classification(
            given,
            classes=() if values else ("a", "b"),
            appearance_width=widths[0],
            motion_width=widths[1],
            steps=FRAMES * CLIPS,
            known_steps=2.5,
            encoder=encoders,
        )

    return Case(task, lambda: labelled(features if clips is None else frames, values))


def labelled(visual: Callable[[], Features | Frames] = frames, values: bool = False) -> LabelBatch:
    target = torch.ones(QUESTIONS, dtype=torch.int64, device=CUDA)
    if values:
        target = torch.ones(QUESTIONS, CLIPS * FRAMES, device=CUDA)
    return LabelBatch(
        visual=visual(),
        video=torch.zeros(QUESTIONS, dtype=torch.int64, device=CUDA),
        target=target,
        row=torch.arange(QUESTIONS, device=CUDA),
    )


CASES = {
    "classes, linear": classifying("linear", feature_norm="standardize", label_smoothing=0.1),
    "classes, transformer, views": classifying(
        "temporal_transformer", clips_as="views", feature_dropout=0.1
    ),
    "classes, rnn": classifying("rnn", carry=0.5, tbptt=2, head_width=8, layers=2),
    "classes, gru, whitened": classifying("rnn", cell="gru", feature_norm="whiten:3"),
    "classes, relation": classifying("relation", topology="window:1", fusion="mfb"),
    "classes, clips": classifying("temporal_transformer", clips={"jitter": 0.2}),
    "classes, clips, views": classifying(
        "linear", clips={"batch_norm": "train", "affine_degrees": 9.0}, clips_as="views"
    ),
    "values": classifying("rnn", values=True, carry=0.5),
    "vivit, views": seeing("vivit", clips_as="views", drop_path=0.1),
    "vivit, repeats, teacher": seeing(
        "vivit", teacher=True, repeats=2, head_mixing="identity", mlp_transform="identity"
    ),
    "vivit_model1": seeing("vivit_model1"),
    "vivit_average": seeing("vivit_average"),
    "captions, lstm": captioning("lstm", feature_norm="whiten:3", label_smoothing=0.1),
    "captions, one word a frame": captioning("lstm", legacy_frame_aligned=True),
    "captions, Paddle's ETS": captioning("ets_paddle", positions="frames"),
    "captions, Yao": captioning("ets_yao2015", attention_penalty=1.0, reduction="captions"),
    "captions, transformer": captioning("transformer", feature_dropout=0.1),
    "captions, DualVGR": captioning("dualvgr_lstm", units=2, fusion="mfb"),
    "retrieval, attention": retrieving("attention", word_dropout=0.2, feature_norm="whiten:3"),
    "retrieval, lstm": retrieving("lstm", hidden=6, feature_dropout=0.1),
    "retrieval, mean": retrieving("mean", freeze_words=True),
    "contrastive": contrasting(mask_same_video=True),
    "contrastive, channels": contrasting(positives="other_channel"),
    "contrastive, neighbours": contrasting(positives="neighbour", head_layers=1),
    "dense": stored(units=2, graph_layers=2, feature_dropout=0.1, clip_dropout=0.2),
    "linear, nodes, released": stored(
        fusion="linear", punish="nodes", word_mask="released", hsic="released"
    ),
    "factorised": stored(fusion="mfb", rebuild=True),
    "standardized": stored(feature_norm="standardize"),
    "whitened, product": stored(
        feature_norm="whiten:3", head="product", question_summary="bag", readout_of="features"
    ),
    "low rank": stored(model="low_rank", feature_norm="whiten:3", freeze_words=True),
    "without graphs": stored(units=0),
    "window": stored(topology="window:1", clip_dropout=0.2),
    "knn": stored(topology="knn:2"),
    "choice": choosing({"label_smoothing": 0.1}, units=2),
    "choice, hinge, low rank": choosing({"choice_loss": "hinge"}, model="low_rank"),
    "choice, bi": choosing(candidate_encoder="bi", question_summary="bag"),
    "choice, clips": Case(lambda: answering(kind="choice", clips={}), lambda: chosen(frames)),
    "count": counting(),
    "count, ordinal": counting({"count_as": "ordinal"}, head="product", fusion="linear"),
    "clips": on_clips(),
    "clips, augmented": on_clips(jitter=0.2, flip=0.5, crop=16),
    "clips, checkpointing, batch norm": on_clips(checkpointing=True, batch_norm="train"),
    "clips, frozen": on_clips(encoders="frozen"),
    "clips, partial": on_clips(encoders="partial"),
    "autoencoder": rebuilding(),
    "autoencoder, adversarial, jitter, tubes": rebuilding(0.01, 0.5, 0.1, jitter=0.2),
}


# Each takes seconds: every task once, and what no other case brings; the rest among the long tests.
QUICK = {
    "float32": {
        "dense", "linear, nodes, released", "factorised", "whitened, product", "low rank",
        "window", "knn", "choice", "choice, hinge, low rank", "choice, bi", "count, ordinal",
        "clips, augmented",
        "autoencoder, adversarial, jitter, tubes",
        "captions, lstm", "captions, Yao", "captions, transformer", "contrastive",
        "vivit, repeats, teacher", "classes, transformer, views", "classes, rnn", "values",
        "classes, clips, views", "retrieval, attention",
    },
    "bf16": {"dense", "choice", "autoencoder", "captions, Paddle's ETS", "retrieval, lstm"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param(name, precision, marks=() if name in quick else pytest.mark.long)
        for precision, quick in QUICK.items()
        for name in CASES
    ],
)
def test_a_step_is_on_the_gpu_and_asks_it_nothing(name, precision, monkeypatch) -> None:
    case = CASES[name]
    trained = TrainOptions(run="r", weight_decay=0.01, l2=0.01, cuda_graph=True)
    if name == "low rank":
        trained = replace(trained, optimizer="adadelta", weight_decay=0.0)
    with fake_cuda(monkeypatch) as questions:
        with CUDA:
            task = case.task().train()
        assert {x.device.type for x in (*task.parameters(), *task.buffers())} == {"cuda"}
        optimizer = make_optimizer(task, trained, {})
        average = AveragedWeights(task, 0.9)
        types = ("what",) * QUESTIONS if isinstance(task, QuestionAnswering) else ()
        running = Running((*task.losses, "grad_norm"), types, CUDA)  # type: ignore[misc]
        windows = name in ("window", "classes, relation")  # whose pairs of places are made once
        for _ in range(2 if windows else 1):
            batches = [case.batch()]
            rate: Any = 1e-3
            if trained.optimizer == "adadelta":  # as a captured step has it; AdamW's is a kernel
                rate = torch.full((), 1e-3, device=CUDA)  # that has no fake
            questions.seen.clear()
            losses, correct = take_step(
                task, batches, optimizer, rate=rate, clip_norm=1.0, precision=precision
            )
            average.update(task)
            row = torch.cat([batch.row for batch in batches])
            running.add(1, losses, correct, row)
        assert {x.device.type for x in losses.values()} == {"cuda"}
        for of, parameter in task.named_parameters():
            unread = name == "without graphs" and ".question.sequence." in of  # graphs alone do
            if parameter.requires_grad and not unread:
                assert parameter.grad is not None and parameter.grad.dtype == torch.float32
        assert tuple(sorted(questions.seen)) == case.asked


def test_questions_and_crossings_are_found(monkeypatch) -> None:
    with fake_cuda(monkeypatch, answers=True) as questions:
        x = torch.empty(4, device=CUDA)
        for ask in (
            lambda: x[x > 0],
            lambda: (x > 0).nonzero(),
            lambda: x.sum().item(),
            lambda: x.new_tensor([1.0, 2.0]),
            lambda: x.cpu(),
            lambda: torch.zeros(4).to(CUDA),
        ):
            questions.seen.clear()
            ask()
            assert questions.seen and "test_fake_cuda.py" in questions.seen[0]
        questions.seen.clear()
        with autocast(CUDA, "bf16"):
            assert (x @ x.view(4, 1)).dtype == torch.bfloat16
        _ = x * 2 + torch.tensor(3.0)  # a number travels with the launch
        assert not questions.seen
        with pytest.raises(Exception, match="device"):
            _ = x + torch.zeros(4)


def test_gradients_are_those_of_torchs_engine() -> None:
    """The walk over the graph, on numbers."""
    torch.manual_seed(0)
    task = answering(units=2, topology="window:1", dropout=0.0, state_dropout=0.0)
    names = {name for name, _ in task.named_parameters()}
    batch = asked_on_cpu()
    found = []
    for walk in (Tensor.backward, backward):
        task.zero_grad()
        losses, _ = task(batch, 1)
        walk(losses["loss"])
        found.append({n: p.grad for n, p in task.named_parameters()})
    assert found[0].keys() == names
    torch.testing.assert_close(found[1], found[0])


def asked_on_cpu() -> Batch:
    return Batch(
        visual=Features(
            appearance=torch.randn(VIDEOS, CLIPS, FRAMES, WIDTH),
            motion=torch.randn(VIDEOS, CLIPS, WIDTH),
            clip_mask=torch.arange(CLIPS) < torch.tensor([[1], [2], [3]]),
        ),
        video=torch.arange(QUESTIONS) % VIDEOS,
        words=torch.randint(2, 9, (QUESTIONS, 5)),
        length=torch.full((QUESTIONS,), 3),
        answer=torch.full((QUESTIONS,), 3),
        row=torch.arange(QUESTIONS),
    )
