# Two commands set everything up: `make run` shows a first verdict, `make test` checks it all.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	command -v $$python >/dev/null && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	&& echo $$python && break; done)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test pages check bench prove docs reference peer clean

run: $(READY)
	$(BIN)/asapbench load --users 50 --spawn-rate 25 --duration 10s

test: check peer
	$(BIN)/pytest -n 3 --dist worksteal -m "not pages"

# Every command line of README and docs: minutes of their own, after all other tests.
pages: $(READY)
	$(BIN)/pytest -n 2 -m pages

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks

prove: $(READY)
	$(BIN)/python -m prove $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

reference: $(READY)
	$(BIN)/python -m docs.reference

# The published package, to be run as a peer on the wire: it needs Python 3.13 and a venv of its own.
peer:
	@sh tests/asap/peers/install.sh

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "asapbench needs Python 3.11 or newer; none was found" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable . --group dev
	@touch $(READY)

clean:
	rm -rf .venv .venv-peer .mypy_cache .ruff_cache .hypothesis
