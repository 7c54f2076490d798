"""The whole surface of the package, walked: documentation, citations, weights, and what importing a module loads."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nodewise

PACKAGE = Path(nodewise.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
RECIPES = sorted(
    name
    for name in TREES
    if re.fullmatch(r"recipes/\w+(/__init__)?\.py", name) and name not in ("recipes/__init__.py", "recipes/load.py")
)
BUNDLED = sorted(path.parent for path in (PACKAGE / "weights").glob("*/model.json"))
FLOORS = ("values", "image", "io", "learn", "metrics", "anatomy", "models", "nodes", "staging")
WITH_TORCH = ("learn/", "models/")
LARGEST_BYTES = 16_000_000


def named(name: str) -> str:
    """``image/shape.py`` as ``nodewise.image.shape``."""
    parts = Path(name).with_suffix("").parts
    return ".".join(("nodewise", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def undocumented(body: list[ast.stmt], where: str) -> list[str]:
    """Public classes and functions without a docstring, methods and properties included."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            here = f"{where}.{node.name}"
            found += [] if ast.get_docstring(node) else [here]
            found += undocumented(node.body, here) if isinstance(node, ast.ClassDef) else []
    return found


def imported(tree: ast.Module) -> set[str]:
    """First part of every module that is imported anywhere in a file, functions included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def unguarded(tree: ast.Module) -> list[int]:
    """Lines on which ``torch.load`` may run what is in the file, under whatever name ``load`` was imported."""
    names = {"torch.load"} | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("torch", "torch.serialization")
        for alias in node.names
        if alias.name == "load"
    }
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in names)
    return [call.lineno for call in calls if "weights_only=True" not in map(ast.unparse, call.keywords)]


def test_the_walk_sees_what_is_missing():
    """The walkers themselves, on a module that has every fault."""
    tree = ast.parse("import os.path\ndef f():\n  from pickle import loads\nclass A:\n  'x'\n  def g(self): ...\n")
    assert undocumented(tree.body, "m") == ["m.f", "m.A.g"]
    assert imported(tree) == {"os", "pickle"}
    loads = "import torch\ntorch.load(p, weights_only=True)\ntorch.load(p)\ntorch.load(p, weights_only=x)\n"
    loads += "from torch import load as read\nread(p)\nread(p, weights_only=True)\n"
    assert unguarded(ast.parse(loads)) == [3, 4, 6]
    assert len(TREES) > 60 and "staging/rules.py" in TREES


@pytest.mark.parametrize("name", TREES)
def test_everything_public_is_documented(name):
    assert ast.get_docstring(TREES[name]), name
    assert undocumented(TREES[name].body, named(name)) == []


@pytest.mark.parametrize("name", TREES)
def test_nothing_that_runs_what_it_reads_is_imported(name):
    assert not imported(TREES[name]) & {"torchvision", "pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def test_no_checkpoint_is_opened_so_that_it_may_run_code():
    root = PACKAGE.parents[1]
    paths = [path for folder in ("src", "bench", "tests") for path in (root / folder).rglob("*.py")]
    found = {path.relative_to(root).as_posix(): unguarded(ast.parse(path.read_text("utf-8"))) for path in paths}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_there_is_a_recipe():
    assert "recipes/three_step/__init__.py" in RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_cites_its_paper_and_says_how_it_differs(name):
    words = ast.get_docstring(TREES[name])
    assert re.search(r"\bet al\.|\b[A-Z][a-z]+ (and|&) [A-Z][a-z]+", words), "who wrote the paper"
    assert re.search(r"\b(19|20)\d\d\b", words), "in which year"
    differences = re.search(r"^Differences from the paper.*:\n((?:[ ]+.+\n?)+)", words, re.MULTILINE)
    assert differences, "a section 'Differences from the paper'"
    assert differences[1].count("- ") >= 1
    module = importlib.import_module(named(name))
    assert callable(module.pipeline)
    assert name == "recipes/nnunet.py" or callable(module.train)  # the former is trained by nnU-Net


@pytest.mark.parametrize("folder", BUNDLED, ids=lambda folder: folder.name)
def test_a_bundled_model_is_small_whole_and_says_what_it_is_not_for(folder):
    from nodewise.models.bundle import load_bundle

    bundle = load_bundle(folder)  # checks the weights' SHA-256
    assert "Research use only" in bundle.card
    assert all(path.stat().st_size < LARGEST_BYTES for path in folder.rglob("*") if path.is_file())
    assert bundle.model.trained_on and bundle.model.licence
    for step in bundle.model.steps:
        bundle.networks(step)


def test_every_folder_of_weights_holds_a_model():
    folders = {path for path in (PACKAGE / "weights").glob("*") if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(BUNDLED)


def test_every_module_can_be_imported_first():
    """One process imports each module with none of the others there: no two wait for each other."""
    code = (
        "import importlib, sys\n"
        f"for name in {[named(name) for name in TREES]!r}:\n"
        "    for known in [k for k in sys.modules if k.split('.')[0] == 'nodewise']:\n"
        "        del sys.modules[known]\n"
        "    importlib.import_module(name)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_torch_is_loaded_by_what_computes_with_it_only():
    """One process imports the modules of the lower floors one after another and says which first brought torch."""
    modules = [named(name) for name in TREES if name.split("/")[0] in FLOORS and not name.startswith(WITH_TORCH)]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "    for heavy in ('torch', 'lightning_fabric', 'matplotlib', 'highdicom'):\n"
        "        if heavy in sys.modules:\n"
        "            sys.exit(f'{name} loads {heavy}')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert len(modules) > 40


def test_what_the_sources_import_is_declared():
    """Every library that src or tests import is a dependency, so that a clean environment can run both."""
    root = PACKAGE.parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    declared = {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in asked}
    called = {  # import name: distribution name, where they differ
        "PIL": "pillow",
        "SimpleITK": "simpleitk",
        "cc3d": "connected-components-3d",
        "gdcm": "python-gdcm",
        "lightning_fabric": "lightning-fabric",
        "sklearn": "scikit-learn",
        "surface_distance": "surface-distance",
    }
    paths = [path for path in (root / "tests").rglob("*.py") if "golden" not in path.parts]  # made elsewhere
    tests = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    own = {"nodewise", "tests", "__future__"}
    used = set().union(*map(imported, [*TREES.values(), *tests])) - sys.stdlib_module_names - own
    assert {called.get(name, name) for name in used} <= declared
