# make demo: a phantom patient from scan to report.  make test: every test.  make check: everything but the tests.
.PHONY: demo test check clean
PYTHON ?= python3
BIN := .venv/bin
OUT ?= out/demo
SEED ?= 3008

demo: .venv/installed
	rm -rf $(OUT)
	$(BIN)/nodewise phantom $(OUT)/phantom --patients 1 --seed $(SEED) --phase venous --format dicom
	$(BIN)/nodewise predict $(OUT)/phantom/images -o $(OUT)/case --primary left

test: .venv/developer
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope

check: .venv/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q src docs
	$(BIN)/python tests/links.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/developer: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/installed

clean:
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache .hypothesis
