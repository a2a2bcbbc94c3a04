# `make` alone lists the commands. All that is needed is a Python >= 3.12: PYTHON=... names one.
UV_VERSION := 0.13.9
VENV := $(CURDIR)/.venv
STAMP := $(VENV)/.complete
ARGS ?=

# The services that are rendered here are set up by the same uv.
export UV := $(VENV)/bin/uv
export PATH := $(VENV)/bin:$(PATH)
unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT
# The tests start hundreds of processes, which would compile all that they import again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo smoke test variants footprint suites arrays updates bench autoscale lint format check lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

demo: $(STAMP) ## Render a service, start it and use it, until Ctrl-C: make demo MODULES=1
	@exec env PYTHONPATH=template $(VENV)/bin/python -B scripts/demo.py demo $(if $(MODULES),modules)

smoke: $(STAMP) ## The same as demo, but end by itself and leave nothing behind
	@exec env PYTHONPATH=template $(VENV)/bin/python -B scripts/demo.py smoke $(if $(MODULES),modules)

test: $(STAMP) ## Run the tests: make test ARGS="-k questions"
	@$(VENV)/bin/pytest $(ARGS)

suites: $(STAMP) ## Run the services' own suites: make suites STRENGTH=3 SHARD=3/8 ROW=17 K=cache=none
	@PYTHONPATH=scripts:. $(VENV)/bin/python -m tests.suites $(if $(STRENGTH),--strength=$(STRENGTH)) \
	  $(if $(SHARD),--shard=$(SHARD)) $(if $(ROW),--row=$(ROW)) $(if $(K),-k=$(K)) $(if $(ISOLATED),--isolated) $(ARGS)

variants: $(STAMP) ## Prove every variant of the template
	@$(VENV)/bin/python -m tests.variants

footprint: $(STAMP) ## Write anew which answers each file depends on
	@$(VENV)/bin/python -m tests.variants --write .

arrays: $(STAMP) ## Write anew which rows cover every pair and triple of answers
	@PYTHONPATH=scripts:. $(VENV)/bin/python -m tests.suites --write

updates: $(STAMP) ## Run all tests of `copier update`, each answer changed and 50 random sets among them
	@$(VENV)/bin/pytest tests/updates -m "thorough or not thorough" $(ARGS)

bench: $(STAMP) ## Measure the service beside FastAPI and the drivers: make bench QUICK=1 ROW="cache=none" ARGS="--only get" GUARD=1
	@PYTHONPATH=scripts:. $(VENV)/bin/python -m benchmarks $(if $(GUARD),guard)$(if $(TASKS),tasks)$(if $(GROWTH),growth)$(if $(TEMPLATE),template) \
	  $(if $(QUICK),--quick) $(if $(PAGE),--page docs/reference/measurements.md) $(if $(ROW),--row $(ROW)) \
	  $(if $(PEER),--peer $(PEER)) $(ARGS)

autoscale: $(STAMP) ## Simulate the autoscaling of each target: make autoscale BENCH=bench.json
	@PYTHONPATH=scripts:. $(VENV)/bin/python -m benchmarks.autoscaling $(if $(BENCH),--bench $(BENCH))

lint: $(STAMP) ## The linters of what is here; the services have their own
	$(VENV)/bin/ruff check benchmarks hooks scripts tests
	$(VENV)/bin/ruff format --check benchmarks hooks scripts tests
	$(VENV)/bin/python scripts/lock.py --check

format: $(STAMP) ## Format what is here, and repair what the linter can
	$(VENV)/bin/ruff format --quiet benchmarks hooks scripts tests
	$(VENV)/bin/ruff check --fix benchmarks hooks scripts tests; left=$$?; \
	  $(VENV)/bin/ruff format benchmarks hooks scripts tests && exit $$left

check: lint test ## Lints, then the tests

lock: $(STAMP) ## Resolve the packages that services install anew: template/uv.lock
	$(VENV)/bin/python scripts/lock.py --upgrade

clean: ## Remove what was installed and rendered here
	rm -rf .venv build

$(UV): template/dev/find-python
	@python=$$(sh template/dev/find-python 3.12 venv ensurepip) && \
	  echo "Installing uv and strata's packages into .venv, with $$python" && \
	  "$$python" -m venv --clear $(VENV) && \
	  $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $(UV)

$(STAMP): $(UV) pyproject.toml uv.lock
	@UV_PYTHON=$(VENV)/bin/python UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --locked
	@touch $(STAMP)
