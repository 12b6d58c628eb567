# One virtual environment holds everything but the bench's peers; a change of pyproject.toml installs anew.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check eval bench model clean

run: .venv/run
	$(BIN)/extractor run seeds -o out/seeds.jsonl --stats

test: .venv/test
	$(BIN)/python -m pytest

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

# Scores the bundled model on the dev split; fails where it became worse than the baseline.
eval: .venv/test
	$(BIN)/extractor eval --split dev --baseline evals/baseline.json

# Measures against other libraries; writes evals/bench/results.json, its chart and the table in its README.md.
bench: .venv-bench/made
	.venv-bench/bin/python -m extractor.evals.bench

# From text to the bundled GGUF; see training/README.md for the corpus and the time it takes.
model: .venv/test
	$(BIN)/python -m training --corpus $(CORPUS)
	$(BIN)/python -m training.calibrate --corpus $(CORPUS)

.venv/run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/test: .venv/run
	$(BIN)/python -m pip install --quiet --editable '.[test,train]'
	touch $@

.venv/dev: .venv/test
	$(BIN)/python -m pip install --quiet --editable '.[test,train,dev]'
	touch $@

# Of its own, since a peer pins an older llguidance.
.venv-bench/made: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --editable '.[bench]'
	touch $@

clean:
	rm -rf .venv .venv-bench out build dist
