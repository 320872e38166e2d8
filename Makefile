# All set-up happens in .venv; every target works on a fresh machine with Python, pip and make.
PYTHON ?= python3
# The release that results are measured with; any newer torch works as well.
TORCH ?= torch==2.13.0
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo test test-host test-browser lint format bench bench-gpu setup fetch clean

demo: fetch
	$(PY) -m facemug_core demo -o demo

test: fetch
	$(PY) -m pytest -c tests/pytest.ini tests

# The oldest ComfyUI that is supported, or the checkout named by COMFYUI_PATH. That gets a Python of its own, unless
# COMFYUI_PYTHON names one that has what the checkout needs.
test-host: fetch
	TORCH="$(TORCH)" $(PY) -m tests.host.installing host cli
	$(PY) -m pytest -c tests/pytest.ini tests/host --ignore-glob '*browser.py'

# With that host's own front end, and with the newest one of the package index and both of its renderers of nodes.
# HALF=0 or HALF=1 saves time: it leaves out half of the workflows, but not for the newest renderer.
test-browser: fetch
	TORCH="$(TORCH)" $(PY) -m tests.host.installing host cli browser frontend
	$(PY) -m pytest -c tests/pytest.ini tests/host/test_browser.py tests/host/test_painter_browser.py

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: setup
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: fetch
	$(PY) benchmarks/speed.py
	TORCH="$(TORCH)" $(PY) -m tests.host.installing host
	$(PY) benchmarks/host_overhead.py

# Both sizes, in both precisions, one to sixteen pictures at a time, on a GPU.
bench-gpu: fetch
	$(PY) -m benchmarks.sizes .bench --device cuda

fetch: setup
	$(PY) -m facemug_core fetch run astronaut.png

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check "$(TORCH)" -r requirements.txt -r tests/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .host .bench demo
