"""The rooms of the house: who may import whom, and who may use TensorFlow."""

import ast
import pathlib

import pytest

import kgkeras
from tests.processes import output

ROOT = pathlib.Path(kgkeras.__file__).parent
LEVELS = {
    "__main__": 7,  # nothing but a call of `cli`
    "cli": 6,
    "serving": 5,
    **dict.fromkeys(("evaluation", "training", "export"), 4),
    **dict.fromkeys(("models", "pipelines", "agents"), 3),
    **dict.fromkeys(("datasets", "scorers", "losses", "regularizers", "metrics"), 2),
    **dict.fromkeys(("optimizers", "layers", "text", "graph", "construction"), 2),
    **dict.fromkeys(("kg", "ops"), 1),
    **dict.fromkeys(("checks", "registration", "version"), 0),
}
TENSORFLOW = {"pipelines", "graph", "text", "optimizers", "training", "export", "serving", "agents"}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imports(path, top_level_only=False):
    """The modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downwards(path):
    room = _room(path)
    assert room in LEVELS, f"the room {room!r} is not listed in DESIGN"
    for module in _imports(path):
        if not module.startswith("kgkeras."):
            continue
        other = module.split(".")[1]
        if other in (room, "__version__"):
            continue
        assert LEVELS[other] < LEVELS[room], f"{path.name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tensorflow_only_where_it_belongs(path):
    room = _room(path)
    modules = {module.split(".")[0] for module in _imports(path, top_level_only=True)}
    if room not in TENSORFLOW:
        assert "tensorflow" not in modules
    if room != "text":
        assert not {"keras_hub", "keras_nlp"} & modules
        # The server runs TF Text's operations, as TensorFlow Serving does; it calls none.
        assert room == "serving" or "tensorflow_text" not in modules
    if room != "graph":
        assert not {"tensorflow_gnn", "tf_keras"} & modules
    if room == "kg":
        assert not {"keras", "tensorflow"} & {m.split(".")[0] for m in _imports(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            documentation = ast.get_docstring(node, clean=False) or ""
            assert lines - documentation.count("\n") <= 60, f"{path.name}: {node.name}"


def test_import_is_light():
    loaded = output("import sys, kgkeras; print(*sys.modules)").split()
    heavy = {"tensorflow", "keras", "keras_hub", "tensorflow_text", "tensorflow_gnn", "numpy"}
    assert not heavy & set(loaded)


def test_onednn_is_on_unless_the_user_chose():
    show = "import os, kgkeras; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    assert output(f"import os; os.environ.pop('TF_ENABLE_ONEDNN_OPTS', 0); {show}") == "1"
    assert output(f"import os; os.environ['TF_ENABLE_ONEDNN_OPTS'] = '0'; {show}") == "0"


@pytest.mark.parametrize("room", ["layers", "models", "scorers", "losses", "kg"])
def test_rooms_load_without_tf_text(room):
    loaded = output(f"import sys, kgkeras; kgkeras.{room}; print(*sys.modules)").split()
    assert not {"keras_hub", "tensorflow_text", "tensorflow_gnn"} & set(loaded)


def test_unknown_room():
    with pytest.raises(AttributeError, match="has no attribute 'attic'"):
        kgkeras.attic  # noqa: B018
