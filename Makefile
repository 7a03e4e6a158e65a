# SPDX-License-Identifier: GPL-2.0-or-later
# Each target does its own set-up; what is there already is left alone. The work is in scripts/.

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz check pictures translate benchmark package release setup-worker setup-dev setup-qgis setup-benchmark clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: setup-worker setup-qgis ## Indian Pines from download to class map, through QGIS; results in build/demo
	@scripts/demo.sh

test: setup-dev setup-qgis ## all tests, the core's and those inside QGIS; ARGS="-k name" for some of them
	@scripts/test.sh $(ARGS)

fuzz: setup-dev ## fuzz model file and protocol; TIME=3600 seconds of processor time each (default 60); results in build/fuzz
	@scripts/fuzz.sh $(TIME)

check: setup-dev ## style, format, types, import rings, metadata, and the package as the plugin site looks at it
	@scripts/check.sh

pictures: setup-dev setup-qgis ## the guide's pictures, docs/pictures, of what the desktop test sees
	@MTMSD_SCREENSHOTS=$(CURDIR)/build/screenshots scripts/test.sh -k test_desktop
	@QT_QPA_PLATFORM=offscreen /usr/bin/python3 scripts/pictures.py build/screenshots

translate: ## translations in step with the sources, i18n/*.ts and .qm; says what is missing
	@scripts/translate.sh

benchmark: setup-benchmark setup-qgis ## accuracy on all scenes and splits, hours; docs/accuracy.md; ARGS="--scene indian_pines"
	@scripts/benchmark.sh $(ARGS)

benchmark-speed: setup-benchmark setup-qgis ## speed and memory, half an hour; docs/performance.md; ARGS="--parts steps"
	@scripts/benchmark_speed.sh $(ARGS)

package: setup-dev ## dist/mtmsd-<version>.zip, for QGIS's plugin manager and for the plugin site
	@scripts/package.sh

release: setup-dev ## the same for the plugin site; refuses the placeholders of maintainer.toml
	@scripts/package.sh --release

setup-worker: ## the worker's Python: torch, numpy, scipy
	@scripts/setup_worker.sh

setup-dev:
	@scripts/setup_worker.sh dev

setup-qgis: ## QGIS, and pytest for its Python
	@scripts/setup_qgis.sh

setup-benchmark:
	@scripts/setup_benchmark.sh

clean: ## remove what was made, except the Python environments in .venv
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
