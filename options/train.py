"""How a run is trained."""

import re
from dataclasses import dataclass
from typing import Literal

InitPart = Literal["all", "encoders"]


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The run: its name, its length, its optimizer, what it writes and when.

    Args:
        run: name of the run: results/RUN holds its files, tf-logs/RUN its TensorBoard log
        init_from: start from the weights of another run (results/OTHER), such as a first stage's
            encoders and graphs, or of a checkpoint of the released DualVGR code
        init_part: what is taken of --init_from: all (of another task's run, all that both have), or
            its encoders alone
        seed: seed of weights, row order, dropout and --video shuffled
        seeds: train so many runs one after another, RUN_s1 with seed 1, RUN_s2 with seed 2, ...,
            and report mean and deviation; 0: one run, with --seed
        epochs: length of the run; every question, or caption, once an epoch
        batch_size: questions or captions a step; videos, where there are neither (autoencoder)
        accumulate: parts of a batch that are computed one after another, to save memory
        questions_per_video: questions, or captions, of one video that come together in a batch: it
            is encoded once a batch, so more of them make a step faster
        optimizer: adamw, adadelta (as Yao 2015 trains: rho 0.95, epsilon 1e-6), sgd (as ViViT is
            trained, with --momentum), or lars (as SimCLR is, in large batches; with --momentum)
        momentum: of sgd and lars
        lr: learning rate of Adam, sgd and lars; of adadelta and of --schedule noam, whose steps and
            rates have a size of their own, a factor: 1 as a rule
        relation_lr: multiple of --lr for what a small data set is learned by heart with: the
            video's encoder, relation graphs, fusion and read-out
        schedule: learning rate over the run: constant, halve (as released), cosine (to zero) or
            noam (up for --warmup steps, then down as 1 / sqrt(step), as Transformers are trained)
        warmup: steps in which the learning rate rises in a line from 0 to the schedule's; 0: none
        noam_width: width W of the schedule "noam", whose highest rate is lr / sqrt(W warmup)
        halve_every: epochs after which the schedule "halve" halves, again and again
        weight_decay: decoupled weight decay of matrices (norms, biases, word vectors are spared)
        l2: L2 penalty of the same matrices, coupled: so many times the weight joins its gradient,
            after --clip_norm, as weight decay of plain Adam does
        ema: decay per step of an exponential moving average of the weights, which is then what is
            validated, kept and used; 0: no average
        clip_norm: largest norm of the gradient; 0: no limit
        patience: stop after so many validations without a better one; 0: never
        eval_every: epochs between validations
        log_every: steps between lines of the log
        save_every: steps between checkpoints; 0: only after a validation
        precision: numbers of the arithmetic: float32, or bf16 where torch's autocast allows it
        compile: torch.compile the model (needs a C++ compiler; takes minutes at the start, and
            gains next to nothing on a CPU: docs/speed.md)
        cuda_graph: capture a whole step as a CUDA graph, once for each number of videos, and replay
            it (one GPU, stored features)
        profile: steps to profile, after the first few: a table and a trace in results/RUN; 0: none
        device: where to compute; auto takes a GPU when there is one
        resume: go on from results/RUN/last.pt as if never interrupted: on a CPU to the last bit; a
            GPU adds in an order that may change from run to run, and the last bits with it
        overwrite: throw away what results/RUN and tf-logs/RUN hold
    """

    run: str
    init_from: str | None = None
    init_part: InitPart = "all"
    seed: int = 666
    seeds: int = 0
    epochs: float = 25
    batch_size: int = 256
    accumulate: int = 1
    questions_per_video: int = 1
    optimizer: Literal["adamw", "adadelta", "sgd", "lars"] = "adamw"
    momentum: float = 0.9
    lr: float = 1e-4
    relation_lr: float = 1.0
    schedule: Literal["constant", "halve", "cosine", "noam"] = "constant"
    warmup: int = 0
    noam_width: int = 512
    halve_every: float = 10
    weight_decay: float = 0.0
    l2: float = 0.0
    ema: float = 0.0
    clip_norm: float = 12.0
    patience: int = 0
    eval_every: float = 1
    log_every: int = 10
    save_every: int = 0
    precision: Literal["float32", "bf16"] = "float32"
    compile: bool = False
    cuda_graph: bool = False
    profile: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Refuse values that would fail late or train nothing."""
        if not re.fullmatch(r"\w[\w.-]*", self.run):
            raise ValueError(
                f"--run {self.run!r}: a name of letters, digits, '.', '_' and '-' (it is a folder)"
            )
        for name in (
            "epochs", "lr", "relation_lr", "eval_every", "log_every", "halve_every", "noam_width",
        ):  # fmt: skip
            if getattr(self, name) <= 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must be positive")
        if self.questions_per_video < 1:
            raise ValueError(f"--questions_per_video {self.questions_per_video}: at least 1")
        if self.batch_size < 2:
            raise ValueError(f"--batch_size {self.batch_size}: batch norm needs at least 2")
        if self.accumulate < 1 or self.batch_size % self.accumulate:
            raise ValueError(
                f"--accumulate {self.accumulate}: must divide --batch_size {self.batch_size}"
            )
        for name in (
            "seeds", "warmup", "weight_decay", "l2", "clip_norm", "patience", "save_every",
            "profile",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must not be negative")
        if self.schedule == "noam" and not self.warmup:
            raise ValueError("--schedule noam: rises for --warmup steps; give them, such as 1000")
        if self.optimizer not in ("adamw", "lars") and self.weight_decay:
            raise ValueError(
                f"--weight_decay {self.weight_decay}: of adamw and lars; with --optimizer "
                f"{self.optimizer} give --l2"
            )
        if not 0 <= self.momentum < 1:
            raise ValueError(f"--momentum {self.momentum}: must be in [0, 1), such as 0.9")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")
        if not 0 <= self.ema < 1:
            raise ValueError(f"--ema {self.ema}: must be in [0, 1), such as 0.99")
        if self.init_part != "all" and self.init_from is None:
            raise ValueError(
                f"--init_part {self.init_part}: is a part of --init_from, which is not given"
            )
        if self.resume and self.overwrite:
            raise ValueError("--resume and --overwrite exclude each other: leave one out")
