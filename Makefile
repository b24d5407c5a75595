## make demo         environment, open data set, whole workflow, Table I in the terminal
## make report       results/open/report.html of a finished demo, anew where it is out of date
## make test         every test
## make test-inputs  every damaged input (SEED=1 for others); ten minutes
## make test-slurm   the tiny run on a Slurm of one node, installed and started for it, and disturbed there
## make test-faults  the tiny run disturbed without Slurm: killed, full disk, damaged files
## make test-kills   the tiny run with KILLS=30 kills at random moments, half an hour
## make test-machines   the tiny run as four processors would do it, all digits of its tables compared
## make variants     every variant of the refinement, four cameras (docs/refinement.md)
## make demo-lab     real people, real cameras: four videos of a laboratory
## make test-paper-backends   PyTorch3D and Mask R-CNN beside ours, in an environment of its own (5 GB)
## make lint         ruff, snakefmt, mypy, floors of the package; make format mends what they can
## make docs         the generated pages and pictures, after a demo
## make site         the documentation as a site in build/site; a broken link stops it
## make clean-demo   remove the demo; make clean-demo-lab likewise
# The newest that is installed of those that all packages support. A name may stand for nothing: it is tried.
PYTHONS := 3.13 3.12 3.11
PYTHON ?= $(shell for version in $(PYTHONS); do \
	python$$version -c '' 2>/dev/null && echo python$$version && break; done)
# What pip installs as torch. PyPI's Linux build carries CUDA; for the CPU build:
# make env TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch
# Of pyproject.toml. The tests compare with smplx too where its licence allows its use:
# make env EXTRAS=workflow,lab,tests,docs,smplx
EXTRAS ?= workflow,lab,tests,docs
CORES ?= 2
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
READY := $(VENV)/.ready
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
PAPER := .venv-paper
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1
# Where it is set, as in many containers, each job would compile all modules that it imports: ten seconds for torch.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help env demo report demo-lab variants test test-functions test-refinement test-runs test-other-runs test-browser \
	test-inputs test-slurm test-faults test-kills test-machines test-paper-backends lint format docs site \
	clean-demo clean-demo-lab
help:
	@sed -n 's/^## //p' Makefile

env: $(READY)

# torch on its own, so that TORCH can name another build. Python compiles a module at its first import: pip
# would compile all, most of which nothing imports. The kernels are compiled here, so that no job waits for it.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python of $(PYTHONS) is installed: make env PYTHON=/path/of/one"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -c constraints.txt $(TORCH)
	$(INSTALL) -c constraints.txt -e '.[$(EXTRAS)]'
	$(BIN)/python tools/warm_up.py
	touch $(READY)

demo: $(READY)
	$(BIN)/python tools/demo.py open --cores $(CORES)

report: $(READY)
	$(SNAKEMAKE) --quiet rules --configfile config/open.yaml -- report
	@echo results/open/report.html

demo-lab: $(READY)
	$(BIN)/python tools/fetch_lab.py
	$(BIN)/python tools/demo.py lab --cores $(CORES)

variants: $(READY)
	$(SNAKEMAKE) --quiet rules --configfile config/open.yaml config/open_variants.yaml

# Four parts side by side, about equally long on two cores: the tests of functions in halves, those that share the
# tiny run, and those with runs of their own or none. `pytest` alone runs all in turn.
RUNS := tests/docs tests/workflow
OTHER_RUNS := $(patsubst %,tests/workflow/test_%.py,dag real_layout real_world rules stages) tests/docs/test_site.py
REFINEMENT := $(addprefix tests/unit/,refine regressor silhouette synthetic)
test: $(READY)
	$(MAKE) --no-print-directory --jobs 4 --keep-going test-functions test-refinement test-runs test-other-runs
	$(MAKE) --no-print-directory test-browser

test-functions: $(READY)
	$(BIN)/python -m pytest $(patsubst %,--ignore %,$(RUNS) tests/browser $(REFINEMENT))

test-refinement: $(READY)
	$(BIN)/python -m pytest $(REFINEMENT)

test-runs: $(READY)
	$(BIN)/python -m pytest $(RUNS) $(OTHER_RUNS:%=--ignore %)

test-other-runs: $(READY)
	$(BIN)/python -m pytest $(OTHER_RUNS)

# Alone: a page that waits for the processor is not the page's fault.
test-browser: $(READY)
	$(BIN)/python -m pytest tests/browser

# `make test` runs a fixed part of them.
SEED ?= 0
test-inputs: $(READY)
	PYTHONPATH=tests:tests/helpers $(BIN)/python -m inputs --seed $(SEED)

# Root on Debian: installs slurm-wlm and munge, starts and stops them. Skipped, with the reason, elsewhere.
test-slurm: $(READY)
	$(BIN)/python -m pytest tests/slurm -s

test-faults: $(READY)
	$(BIN)/python -m pytest tests/faults -s

# Jobs, or all processes of the run, are killed; SEED draws the moments.
KILLS ?= 30
test-kills: $(READY)
	KILLS=$(KILLS) SEED=$(SEED) $(BIN)/python -m pytest tests/faults/test_kills.py -s

test-machines: $(READY)
	$(BIN)/python tools/imitated_machines.py --cores $(CORES)

# The extra `paper` of pyproject.toml, which has a torch of its own.
$(PAPER)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PAPER)
	grep -v '^torch==' constraints.txt > $(PAPER)/constraints.txt
	$(PAPER)/bin/pip install --quiet --disable-pip-version-check -c $(PAPER)/constraints.txt \
		-e '.[workflow,paper]' pytest
	touch $@

test-paper-backends: $(PAPER)/.ready
	$(PAPER)/bin/python -m pytest -raP tests/paper

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# The generated pages: config/README.md, docs/stores.md, docs/reruns.md, docs/pictures. The site is built from
# them: make site.
docs: $(READY)
	$(BIN)/python tools/write_docs.py

# A warning (a broken link, a page in no table of contents) is an error.
site: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -a -b html -d build/doctrees -c docs . build/site
	@echo build/site/index.html

clean-demo:
	rm -rf data/open results/open logs/open

clean-demo-lab:
	rm -rf data/lab results/lab logs/lab
