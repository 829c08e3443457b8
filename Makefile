# Each target makes what it needs in .venv; nothing has to be installed first but Python 3.11+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
# The chapters of the analysis that take less than a minute each.
CHAPTERS := structure curves augmentation multi_crop errors attributions
FACES := $(DEMO)/faces
# One worker per core for the tests; each keeps to one thread so that they do not fight.
TEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: demo test test-all coverage lint format docs notebooks wheel clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/docs_installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

## Draw faces, prepare, audit, train the classifier, evaluate and analyse it: runs/demo/report.html;
## train generators between young and old, and let the classifier judge them: runs/demo/cyclegan.html
## and runs/demo/cyclegan/evaluation.html.
demo: $(VENV)/installed
	$(BIN)/python recipes/draw_faces.py --out $(DEMO)/photos --faces 4000 --seed 0
	$(BIN)/python recipes/prepare_faces.py --source $(DEMO)/photos --out $(FACES)
	$(BIN)/python recipes/audit_faces.py --faces $(FACES)
	$(BIN)/accelerate launch recipes/train_classifier.py --config recipes/configs/demo_classifier.json \
		--faces $(FACES) --out $(DEMO)/classifier --resume
	$(BIN)/python recipes/evaluate_classifier.py --run $(DEMO)/classifier
	$(BIN)/python recipes/analyze_classifier.py --run $(DEMO)/classifier --chapters $(CHAPTERS)
	$(BIN)/python recipes/report_classifier.py --run $(DEMO)/classifier --out $(DEMO)/report.html
	$(BIN)/accelerate launch recipes/train_cyclegan.py --config recipes/configs/demo_cyclegan.json \
		--faces $(FACES) --out $(DEMO)/cyclegan --judge $(DEMO)/classifier --resume
	$(BIN)/python recipes/evaluate_cyclegan.py --run $(DEMO)/cyclegan --judge $(DEMO)/classifier \
		--most 100 --truth 100 --no-lpips --no-identity --no-controls \
		--no-agreement
	$(BIN)/python recipes/report_cyclegan.py --run $(DEMO)/cyclegan --out $(DEMO)/cyclegan.html

test: lint
	$(TEST)

test-all: lint
	$(TEST) -m ''

## Which lines of the package and the recipes the quick tests reach; fails below 90 %.
coverage: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## The documentation site: site/index.html. Its search needs a server, as browsers let no page that
## was opened as a file read others: python -m http.server --directory site
## The variable leaves out the theme's notice that a successor will replace it in 2027.
docs: $(VENV)/docs_installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean --site-dir site

## Execute the tutorials on runs/demo, which is made if it is missing, and store their figures in them.
## One alone: make notebooks NOTEBOOKS=docs/tutorials/classifier/01_structure.ipynb
NOTEBOOKS := $(sort $(wildcard docs/tutorials/*/*.ipynb))
notebooks: $(VENV)/docs_installed
	$(BIN)/python docs/tools/execute_notebooks.py $(NOTEBOOKS)

## The package as one file, which notebooks install where agegen is missing: dist/agegen-….whl
wheel: $(VENV)/installed
	rm -rf build # what was deleted since would be packed again
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) $(DEMO) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
