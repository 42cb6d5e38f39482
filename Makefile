# The commands of Coffer. On a fresh machine python3, pip and make are enough.

DEMO ?= 1
PY := .venv/bin/python
export DEMO
unexport PYTHONPATH

.PHONY: run test fuzz bench lint picture settings grams screenshots lock clean

run: .venv/runtime .env  ## Serve the product on http://localhost:8000, or the next free port; PORT and ECHO_PORT choose
	@$(PY) manage.py migrate --noinput --verbosity 0
	@$(PY) manage.py upgrade_values
	@$(PY) manage.py collectstatic --noinput --verbosity 0
	@$(PY) -m config.start

test: .venv/development  ## The whole suite on SQLite and on PostgreSQL
	@$(PY) -m tests.run

fuzz: .venv/development  ## Many requests made from the API's document, on both databases (docs/testing.md)
	FUZZ_PHASES=examples,coverage,fuzzing,stateful FUZZ_EXAMPLES=50 FUZZ_SECONDS=3600 $(PY) -m tests.run tests/config/api/test_schemathesis.py

bench: .venv/development  ## How long things take, as ratios within one run; PostgreSQL
	@$(PY) -m tests.benchmarks $(PART)

lint: .venv/development  ## ruff, mypy, Django's checks, missing migrations and those that lock
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m tests.types
	$(PY) -m tests.deployment check --deploy --fail-level WARNING
	$(PY) -m tests.deployment makemigrations --check --dry-run
	$(PY) -m tests.support.databases.migration_linter

picture: .venv/development  ## Draw docs/pictures/architecture.svg from the imports
	@$(PY) -m tests.architecture_picture

settings: .venv/runtime  ## Write docs/settings.md from the code
	@$(PY) -m config.configuration

grams: .venv/development  ## Measure what ordinary text and keys have in common, for masking
	@$(PY) -m tests.public_grams

screenshots: .venv/development  ## Take the README's pictures of the demo, with Chromium
	@$(PY) -m tests.screenshots

lock: .venv/bin/uv  ## Resolve the dependencies again, with hashes
	echo uv | .venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-header - -o requirements-uv.txt
	.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --no-header pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --no-header pyproject.toml --group dev -o requirements-dev.txt

clean:  ## Remove the environment; var/ and .env stay
	rm -rf .venv

.venv/bin/uv:
	python3 -m venv --without-pip .venv
	python3 -m pip --quiet --disable-pip-version-check --python .venv/bin/python install --require-hashes -r requirements-uv.txt

.venv/runtime: requirements.txt | .venv/bin/uv
	.venv/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements.txt
	@touch $@

.venv/development: requirements-dev.txt | .venv/bin/uv
	.venv/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $@

.env:
	@$(PY) -m config.bootstrap .env
