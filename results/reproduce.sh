#!/usr/bin/env bash
# Makes the numbers of results/README.md again:  results/reproduce.sh TABLE [DATA]
# TABLE: msvd_476 | msvd_549 | small_data | msvd_549_captions | msvd_549_retrieval | msvd_196_actions | shapes_actions |
# msvd_qa | activitynet_qa | grouping | two_stage | msvd_549_autoencoder | missing_channels |
# answers.  DATA: folder with the files that the README lists (default ../shared/data).
# Each model is trained with seeds 1, 2 and 3 (where the README says so, more), evaluated on the
# test split, and the tables are written anew.  Stopped at any moment, the same command goes on.
set -eu
cd "$(dirname "$0")/.."
table=${1:?name a table: see the top of this file}
data=${2:-../shared/data}
python=.venv/bin/python
glove=$data/glove/glove.840B.300d.subset.txt
msvd="--dataset msvd_qa --annotations $data/msvd_qa"

questions() { # FILE FLAGS...: encode questions into data/FILE
    $python -m preprocess.questions --output "data/$1" "${@:2}"
}

seeds() { # RUN FLAGS...: train and evaluate three seeds
    $python train.py "${@:2}" --run "$1" --seeds 3 --resume
}

score() { # RUN...: evaluate the three seeds of each, question-only runs first
    for run in "$@"; do
        $python evaluate.py --run "results/${run}_s1" "results/${run}_s2" "results/${run}_s3"
    done
}

case $table in
msvd_476)
    $python -m preprocess.import_features --appearance "$data/msvd_qa_476/msvd-qa_appearance_feat.h5" \
        --motion "$data/msvd_qa_476/msvd-qa_motion_feat.h5" \
        --output_appearance data/msvd_476/appearance.h5 --output_motion data/msvd_476/motion.h5
    held="--videos_in data/msvd_476/appearance.h5"
    questions msvd_476/questions.pt $msvd $held --glove "$glove"
    questions msvd_476/questions_trained.pt $msvd $held
    questions msvd_476/questions_random.pt $msvd $held --vectors random
    train() { seeds "$1" --preset msvd_476 "${@:2}"; }
    train msvd_476_question_only --video none
    train msvd_476
    train msvd_476_appearance --channels appearance
    train msvd_476_motion --channels motion
    train msvd_476_units2 --units 2
    train msvd_476_units3 --units 3
    train msvd_476_paper --gamma 100 --beta 1e-6 --hsic paper
    train msvd_476_released --gamma 1 --beta 1e-8 --hsic released
    train msvd_476_trained_vectors --questions data/msvd_476/questions_trained.pt
    train msvd_476_random_vectors --questions data/msvd_476/questions_random.pt
    score msvd_476{_question_only,,_appearance,_motion,_units2,_units3}
    score msvd_476{_paper,_released,_trained_vectors,_random_vectors}
    ;;
msvd_549)
    extract="$python -m preprocess.videos --videos $data/msvd_videos \
        --id_map $data/msvd_qa/youtube_mapping.txt --clips 8 --frames 16"
    $extract --backbone pixel_motion --output data/msvd_549/motion.h5
    $extract --backbone squeezenet1_1 --weights "$data/weights/squeezenet1_1_imagenet.pth" \
        --output data/msvd_549/appearance.h5
    questions msvd_549/questions.pt $msvd --glove "$glove" --videos_in data/msvd_549/appearance.h5
    seeds msvd_549_question_only --preset msvd_549 --video none
    seeds msvd_549 --preset msvd_549
    score msvd_549_question_only msvd_549
    ;;
small_data)
    # needs requirements-pretrained.txt; the features of the 476 videos as under msvd_476
    words() { # DATA SET, FLAGS...: GloVe 6B, words of validation and test questions too
        questions "$1" $msvd --glove package --words_from union "${@:2}"
    }
    $python -m preprocess.videos --videos "$data/msvd_videos" --clips 8 --frames 4 \
        --id_map "$data/msvd_qa/youtube_mapping.txt" --backbone efficientnet_lite2 \
        --weights package --output data/msvd_549_lite2/appearance.h5
    words msvd_549_lite2/questions.pt --videos_in data/msvd_549_lite2/appearance.h5
    words msvd_476/questions_6b.pt --videos_in data/msvd_476/appearance.h5
    words msvd_qa/questions_6b.pt
    for preset in msvd_549_low_rank msvd_549_lite2 msvd_476_low_rank msvd_476_6b; do
        seeds "${preset}_question_only" --preset $preset --video none
        seeds $preset --preset $preset
        score "${preset}_question_only" $preset
    done
    for channel in appearance motion; do
        seeds msvd_476_low_rank_$channel --preset msvd_476_low_rank --channels $channel
        score msvd_476_low_rank_$channel
    done
    for preset in msvd_549_lite2 msvd_476_6b; do
        seeds "${preset}_graphs_off" --preset $preset --units 0
        score "${preset}_graphs_off"
    done
    seeds msvd_qa_low_rank --preset msvd_qa_low_rank
    score msvd_qa_low_rank
    ;;
msvd_196_actions)
    # needs requirements-pretrained.txt; features as small_data makes
    $python -m preprocess.labels --dataset own --annotations "$data/msvd_actions/labels.csv" \
        --id_map "$data/msvd_qa/youtube_mapping.txt" \
        --videos_in data/msvd_549_lite2/appearance.h5 --output data/msvd_549_lite2/actions.pt
    train() { # NAME FLAGS...: three seeds of each fold
        for fold in 0 1 2 3 4; do
            seeds "msvd_196_actions_$1_f$fold" classification --preset msvd_196_actions \
                --fold $fold "${@:2}"
        done
    }
    train transformer
    train transformer_middle --frames middle
    train transformer_shuffled --frames shuffled
    train linear --network linear --lr 1e-2 --feature_dropout 0
    train rnn --network rnn --dropout 0.5
    train relation --network relation --width 64 --motion_from difference
    runs() { echo "results/msvd_196_actions_$1"_f{0..4}_s{1..3}; }
    $python evaluate.py classification --run $(runs transformer) --linear $(runs linear) \
        --middle $(runs transformer_middle) --shuffled $(runs transformer_shuffled)
    for network in rnn relation; do
        $python evaluate.py classification --run $(runs $network) --linear $(runs linear)
    done
    ;;
shapes_actions)
    here=data/shapes_actions
    $python -m preprocess.shapes --kind actions
    $python -m preprocess.labels --dataset shapes --annotations $here --output $here/labels.pt
    extract="$python -m preprocess.videos --videos $here/videos"
    $extract --backbone pixels --frames 4 --output $here/appearance.h5
    $extract --backbone pixel_motion --frames 4 --output $here/motion.h5
    $extract --backbone none --clips 1 --frames 24 --size 32 --resize squash --output $here/clips.h5
    train() { seeds "shapes_actions_$1" classification --preset shapes_actions "${@:2}"; }
    runs() { echo "results/shapes_actions_$1"_s{1..3}; }
    blind="--channels appearance --epochs 8 --eval_every 4" # motion tells order
    train transformer
    train transformer_none --positions none
    train transformer_middle $blind --frames middle
    train transformer_shuffled $blind --frames shuffled
    train relation --network relation
    train rnn --network rnn --layers 1 --epochs 10 --eval_every 2 --lr 2e-3
    linear="--network linear --lr 1e-2 --epochs 8 --eval_every 2"
    train linear $linear
    train linear_middle $linear --channels appearance --frames middle
    $python evaluate.py classification --run $(runs linear) --middle $(runs linear_middle)
    $python evaluate.py classification --run $(runs transformer) --linear $(runs linear) \
        --middle $(runs transformer_middle) --shuffled $(runs transformer_shuffled)
    for network in transformer_none relation rnn; do
        $python evaluate.py classification --run $(runs $network) --linear $(runs linear)
    done
    for seed in 1 2 3; do # a network, then the one that learns from it
        $python train.py classification --preset shapes_actions_vivit --seed $seed \
            --run shapes_actions_vivit_s$seed --resume
        $python train.py classification --preset shapes_actions_mini_vivit --seed $seed \
            --run shapes_actions_mini_vivit_s$seed --resume \
            --teacher results/shapes_actions_vivit_s$seed
    done
    $python evaluate.py classification --run $(runs vivit)
    $python evaluate.py classification --run $(runs mini_vivit) --other $(runs vivit)
    ;;
msvd_549_captions)
    # needs requirements-pretrained.txt and requirements-captions.txt; features as small_data makes
    captions() { # FILE FLAGS...: encode captions into data/msvd_549_lite2/FILE
        $python -m preprocess.captions --dataset msvd --annotations "$data/msvd_captions" \
            --split_ids qa --id_map "$data/msvd_qa/youtube_mapping.txt" --min_count 3 \
            --videos_in data/msvd_549_lite2/appearance.h5 \
            --output "data/msvd_549_lite2/$1" "${@:2}"
    }
    captions captions.pt
    captions captions_glove.pt --glove package
    train() { seeds "msvd_549_captions_$1" captioning --preset msvd_549_captions "${@:2}"; }
    lstm="--decoder lstm --lr 2e-3 --dropout 0.5"
    train language_model $lstm --video none --epochs 2
    train transformer
    train lstm $lstm
    train lstm_standardize $lstm --feature_norm standardize
    train lstm_raw $lstm --feature_norm none
    train lstm_whiten128 $lstm --feature_norm whiten:128
    train lstm_frame_aligned --decoder lstm --lr 2e-3 --dropout 0 --legacy_frame_aligned \
        --positions frames
    train lstm_glove $lstm --captions data/msvd_549_lite2/captions_glove.pt
    train ets_paddle --decoder ets_paddle --dropout 0.5 --epochs 3
    train ets_paddle_static --decoder ets_paddle --dropout 0.5 --epochs 3 --attn_act none
    train language_model_transformer --video none --epochs 2
    train language_model_ets_paddle --decoder ets_paddle --dropout 0.5 --video none --epochs 2
    train language_model_ets_yao2015 --decoder ets_yao2015 --width 512 --lr 4e-3 --dropout 0.2 \
        --video none --epochs 2
    train ets_yao2015 --decoder ets_yao2015 --width 512 --lr 4e-3 --dropout 0.2 --epochs 3
    train dualvgr_lstm $lstm --decoder dualvgr_lstm --motion_from mean
    run=results/msvd_549_captions
    for decoder in transformer ets_paddle ets_yao2015; do # and the gain over its own
        $python evaluate.py captions --run "${run}_${decoder}"_s{1,2,3} \
            --language_model "${run}_language_model_${decoder}"_s{1,2,3}
    done
    for decoder in transformer lstm{,_standardize,_raw,_whiten128,_glove,_frame_aligned} \
        ets_paddle{,_static} ets_yao2015 dualvgr_lstm; do
        $python evaluate.py captions --run "${run}_${decoder}"_s{1,2,3} \
            --language_model "${run}_language_model"_s{1,2,3}
    done
    ;;
msvd_549_retrieval)
    # needs requirements-pretrained.txt; features and the answering runs as small_data makes, the
    # captions with GloVe as msvd_549_captions
    seeds msvd_549_retrieval retrieval --preset msvd_549_retrieval
    runs=$(echo results/msvd_549_retrieval_s{1..3})
    asked="--answering $(echo results/msvd_549_low_rank_s{1..3})"
    $python evaluate.py retrieval --run $runs $asked
    $python evaluate.py retrieval --run $runs --answering results/msvd_549_low_rank_s1 \
        --plots false --output results/msvd_549_retrieval-pooled/test-retrieval-one.json
    $python evaluate.py retrieval --run $runs $asked --protocol videos
    $python evaluate.py retrieval --run $runs --answering results/msvd_549_low_rank_s1 --among all
    $python evaluate.py retrieval --run $runs --answering results/msvd_549_low_rank_s1 \
        --split val --texts false --plots false
    ;;
msvd_qa)
    questions msvd_qa/questions.pt $msvd
    seeds msvd_qa_question_only --preset msvd_qa_question_only
    score msvd_qa_question_only
    ;;
activitynet_qa)
    questions activitynet_qa/questions.pt --dataset activitynet_qa \
        --annotations "$data/activitynet_qa"
    seeds activitynet_qa_question_only --preset activitynet_qa_question_only
    score activitynet_qa_question_only
    ;;
grouping)
    # after the data of msvd_476 (above) and of make demo
    eight() { # RUN FLAGS...: train and evaluate eight seeds
        $python train.py "${@:2}" --run "$1" --seeds 8 --resume
        $python evaluate.py --run results/"$1"_s{1..8}
    }
    eight msvd_476_group1 --preset msvd_476
    eight msvd_476_group4 --preset msvd_476 --questions_per_video 4
    eight msvd_476_group16 --preset msvd_476 --questions_per_video 16
    eight msvd_476_group16_longer --preset msvd_476 --questions_per_video 16 --epochs 9
    eight shapes_group1 --preset shapes
    eight shapes_group16 --preset shapes --questions_per_video 16
    eight shapes_group16_longer --preset shapes --questions_per_video 16 --epochs 33
    ;;
two_stage)
    for seed in 1 2 3; do $python -m demo.two_stage --seed $seed; done
    ;;
msvd_549_autoencoder)
    $python -m preprocess.videos --videos "$data/msvd_videos" --backbone none --size 64 \
        --id_map "$data/msvd_qa/youtube_mapping.txt" --clips 2 --frames 8 \
        --output data/msvd_549/clips_2x8.h5
    $python train.py autoencoder --preset msvd_549_autoencoder --run msvd_549_autoencoder_s1 \
        --seed 1 --resume
    $python evaluate.py reconstruction --run results/msvd_549_autoencoder_s1
    ;;
missing_channels)
    $python -m preprocess.shapes
    $python -m preprocess.videos --videos data/shapes/videos --frames 8 --backbone pixels \
        --output data/shapes/appearance.h5
    $python -m preprocess.videos --videos data/shapes/videos --frames 8 --backbone pixel_motion \
        --output data/shapes/motion.h5
    questions shapes/questions.pt --dataset shapes --annotations data/shapes
    seeds shapes_rebuild --preset shapes --rebuild true
    score shapes_rebuild
    for seed in 1 2 3; do
        for channel in appearance motion; do
            for fill in zeros rebuilt; do
                $python evaluate.py --run results/shapes_rebuild_s$seed --missing $channel \
                    --fill $fill --plots false
            done
        done
    done
    ;;
answers)
    # multiple choice and counts; TGIF-QA's words need requirements-pretrained.txt
    $python -m preprocess.shapes
    $python -m preprocess.shapes --kind counts
    for channel in appearance:pixels motion:pixel_motion; do
        $python -m preprocess.videos --videos data/shapes/videos --frames 8 \
            --backbone "${channel#*:}" --output "data/shapes/${channel%:*}.h5"
        $python -m preprocess.videos --videos data/shapes_counts/videos --clips 24 --frames 4 \
            --backbone "${channel#*:}" --output "data/shapes_counts/${channel%:*}.h5"
    done
    questions shapes/questions.pt --dataset shapes --annotations data/shapes
    questions shapes/choice.pt --dataset shapes --task choice --annotations data/shapes
    questions shapes_counts/questions.pt --dataset shapes --task count \
        --annotations data/shapes_counts
    $python train.py --preset shapes --run shapes_open --epochs 33 --questions_per_video 16 --resume
    for preset in shapes_choice shapes_count; do
        seeds "${preset}_question_only" --preset $preset --video none --epochs 4 --eval_every 1
        seeds $preset --preset $preset
        score "${preset}_question_only" $preset
    done
    tgif="--dataset tgif_qa --annotations $data/tgif_qa"
    questions tgif_qa/action.pt $tgif --task action --glove package
    questions tgif_qa/count.pt $tgif --task count --glove package
    questions tgif_qa/transition.pt $tgif --task transition --like data/tgif_qa/action.pt
    seeds tgif_qa_action --preset tgif_qa_action
    seeds tgif_qa_count --preset tgif_qa_count
    score tgif_qa_action tgif_qa_count
    for seed in 1 2 3; do # a model of repeating actions, asked about transitions
        run=results/tgif_qa_action_s$seed
        $python evaluate.py --run $run --questions data/tgif_qa/transition.pt \
            --output $run/transition-none.json
    done
    ;;
*)
    echo "no table $table" >&2
    exit 2
    ;;
esac
$python evaluate.py table || true # 1: other tables have no runs here and stay as they are
