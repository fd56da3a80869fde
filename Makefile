# One line a target. `make up` and `make test` install what they need into .venv first.
PYTHON ?= python3
BIN    := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install up down status test test-long test-browser test-cluster differential samples lint lock boards bench mutate clean images release-images cluster addons cluster-down

help:                ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

install: .venv/.installed  ## set up .venv without starting anything

.venv/.installed: requirements/dev.txt pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make: Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11 " + "$(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@# xds-protos lays an old opentelemetry/proto over the one that the services' exporter works with
	@sed -n '/^opentelemetry-proto==/,/[^\\]$$/p' requirements/dev.txt > .venv/opentelemetry-proto.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall --require-hashes -r .venv/opentelemetry-proto.txt
	@# compat is a plain path; without, setuptools puts a finder into .venv that costs each process 20 ms
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@# pip has compiled all the packages, but not what is editable: each process would, where Python may not write it down
	$(BIN)/python -m compileall -q localmesh services
	@touch $@

up: install          ## the storefront behind Envoy, on http://127.0.0.1:30000
	@$(BIN)/mesh up $(ARGS)

down: install        ## end everything that `make up` started
	@$(BIN)/mesh down

status: install      ## what runs
	@$(BIN)/mesh status

test: install        ## all tests but those of the browser and the long ones
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m 'not browser and not long' $(ARGS)

test-long: install   ## storms, lessons, worlds, behaviour tables: what takes minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long $(ARGS)

test-browser: install  ## the page in a headless Chromium
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.txt
	$(BIN)/python -m pytest -m browser $(ARGS)

test-cluster: install  ## the system tests against the cluster that KUBECONFIG names
	TEST_CLUSTER=1 $(BIN)/python -m pytest -m "mesh or cluster" $(ARGS)

differential: install  ## worlds and documents by chance against a real istiod: ORACLE=BINARY, ARGS='--worlds 5000 --seed 7'
	@$(BIN)/python -m tests.differential --oracle '$(ORACLE)' $(ARGS)

samples: install     ## write docs/samples.md anew: ISTIO=Istio's folder of samples, BOOK=the book's source code
	@test -n "$(ISTIO)" -a -n "$(BOOK)" || { echo "samples: say where they are: make samples ISTIO=FOLDER BOOK=FOLDER"; exit 2; }
	@$(BIN)/python -m tools.samples "Istio's own samples=$(ISTIO)" "Istio in Action, chapters 2 to 9=$(BOOK)/ch[2-9]"

images:              ## all images, for this machine (needs docker)
	@bin/images.sh build

release-images:      ## all images for amd64 and arm64, pushed to IMAGE_REGISTRY; digests in dist/images.txt
	@bin/images.sh release

cluster:             ## a kind cluster with Istio, gateway on http://127.0.0.1:30000 (ADDONS=1, NODE_IMAGE=, ISTIO_VERSION=, MOUNT=)
	@bin/cluster.sh up

addons:              ## Prometheus, Grafana, Kiali, Jaeger … in that cluster, on 30001 to 30005
	@bin/cluster.sh addons

cluster-down:        ## delete that cluster
	@bin/cluster.sh down

lint: install        ## ruff, mypy --strict, import contracts; actionlint where it is on the PATH
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/mypy bin/load && $(BIN)/lint-imports
	@if command -v actionlint >/dev/null; then actionlint; else echo "lint: actionlint is not on the PATH, so the workflows were not linted (make test parses them)"; fi

boards: install      ## write Grafana's boards anew from tools/boards
	$(BIN)/python -m tools.boards

lock: install        ## write requirements/*.txt anew from pyproject.toml, each file of a package by its hash (needs uv)
	for part in catalog webapp bookinfo-ratings bookinfo-details bookinfo-reviews bookinfo-productpage reload mesh dev browser; do uv pip compile -q --universal --generate-hashes --no-emit-index-url --python-version 3.11 --extra $$part pyproject.toml -o requirements/$$part.txt; done

bench: install .venv/image/.installed  ## what a request costs catalog and webapp (ARGS='--originals DIR': beside the book's own)
	$(BIN)/python -m bench.services --python .venv/image/bin/python $(ARGS)

# What webapp's image carries, and with it all of catalog's.
.venv/image/.installed: requirements/webapp.txt
	$(PYTHON) -m venv --clear .venv/image
	.venv/image/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/webapp.txt
	@touch $@

mutate: install      ## which changes of services/ no test notices (an hour at most; ARGS='services.webapp*')
	$(BIN)/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	-$$(command -v timeout && echo 60m) $(BIN)/python -m mutmut run --max-children 2 $(ARGS)
	$(BIN)/python -m mutmut results

clean: down          ## down, and remove .venv and caches
	rm -rf .venv .mesh .mypy_cache .ruff_cache .import_linter_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
