# Portcullis: `make run`, `make test`. Everything else is for those who work on it.
# Recipes keep to POSIX sh and quote every path, so that folders with spaces, macOS and root all do.
.POSIX:
.SUFFIXES:
.PHONY: run test check bench interop lock clean

PYTHON = python3
VENV = .venv
PY = $(VENV)/bin/python

run: $(VENV)/run.stamp
	@exec $(PY) manage.py up

# The stamp holds the locked file's checksum, so that a second run installs nothing and a changed lock is installed.
$(VENV)/run.stamp: requirements.txt bin/venv
	@sh bin/venv "$(PYTHON)" run requirements.txt

$(VENV)/test.stamp: requirements.txt requirements-dev.txt bin/venv $(VENV)/run.stamp
	@sh bin/venv "$(PYTHON)" test requirements.txt requirements-dev.txt

test: check
	@sh bin/browser $(PY)
	$(PY) -m pytest -n 2 $(ARGS)

check: $(VENV)/test.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

interop: $(VENV)/test.stamp
	@sh bin/interop $(PY)
	$(PY) -m pytest -m interop $(ARGS)

bench: $(VENV)/test.stamp
	@$(PY) -m bench.run $(ONLY)

lock: $(VENV)/test.stamp
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@for set in requirements requirements-dev; do \
	  $(VENV)/bin/uv pip compile --quiet $(UPGRADE) --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-header $$set.in -o $$set.txt || exit 1; \
	done

clean:
	rm -rf $(VENV) .venv-interop .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
