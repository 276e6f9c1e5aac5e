#!/usr/bin/env bash
# Makes the numbers of results/README.md again:  results/reproduce.sh TABLE [DATA]
# TABLE: msvd_476 | msvd_549 | question_only.  DATA: folder with the MSVD-QA files that the README
# lists (default ../shared/data).  Each model is trained with seeds 1, 2 and 3.
set -eu
cd "$(dirname "$0")/.."
table=${1:?name a table: msvd_476, msvd_549 or question_only}
data=${2:-../shared/data}
python=.venv/bin/python
glove=$data/glove/glove.840B.300d.subset.txt

questions() { # FOLDER [STORE ...]: encode the questions of the stores' videos
    $python -m preprocess.questions --dataset msvd_qa --annotations "$data/msvd_qa" \
        --glove "$glove" --output "data/$1/questions.pt" ${2:+--videos_in "${@:2}"}
}

seeds() { # RUN FLAGS...: train and evaluate three seeds
    for seed in 1 2 3; do
        $python train.py "${@:2}" --run "$1_s$seed" --seed $seed --resume
        $python evaluate.py --run "results/$1_s$seed"
    done
}

case $table in
msvd_476)
    $python -m preprocess.imported --appearance "$data/msvd_qa_476/msvd-qa_appearance_feat.h5" \
        --motion "$data/msvd_qa_476/msvd-qa_motion_feat.h5" \
        --output_appearance data/msvd_476/appearance.h5 --output_motion data/msvd_476/motion.h5
    questions msvd_476 data/msvd_476/appearance.h5
    ;;
msvd_549)
    extract="$python -m preprocess.videos --videos $data/msvd_videos \
        --id_map $data/msvd_qa/youtube_mapping.txt --clips 8 --frames 16"
    $extract --backbone pixel_motion --output data/msvd_549/motion.h5
    $extract --backbone squeezenet1_1 --weights "$data/weights/squeezenet1_1_imagenet.pth" \
        --output data/msvd_549/appearance.h5
    questions msvd_549 data/msvd_549/appearance.h5
    ;;
question_only)
    questions msvd_qa
    seeds msvd_qa_question_only --preset msvd_qa_question_only
    ;;
*)
    echo "no table $table" >&2
    exit 2
    ;;
esac
if [ "$table" != question_only ]; then
    seeds "$table" --preset "$table"
    seeds "${table}_question_only" --preset "$table" --video none
    for seed in 1 2 3; do
        $python evaluate.py --run "results/${table}_s$seed" --video shuffled
    done
fi

$python - "$table" <<'PYTHON'
import json, statistics, sys
from pathlib import Path

table = sys.argv[1]
runs = [table, f"{table}_question_only"] if table != "question_only" else ["msvd_qa_question_only"]
rows = [(run, video) for run in runs for video in ("real", "none", "shuffled")]
for run, video in rows:
    files = sorted(Path("results").glob(f"{run}_s[0-9]/test-{video}.json"))
    found = [json.loads(file.read_text())["test/accuracy"] for file in files]
    if found:
        cells = []
        for kind in found[0]:
            values = [100 * f[kind] for f in found]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{kind} {statistics.mean(values):.1f}{spread}")
        print(f"{run}, {video}, {len(found)} seeds: {', '.join(cells)}")
PYTHON
