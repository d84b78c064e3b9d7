"""The house: who may import whom, where pages lie, how long they are. Changing a rule here is a design decision."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOOR_PLAN = {  # room -> sisters it may import; absent: none
    "activations": {"images", "rendering", "tracing", "zoo"},
    "annotations": {"rendering"},
    "architectures": {"convolution", "downloads", "matrices", "tracing", "zoo"},
    "attribution": {"images", "tracing", "zoo"},
    "checking": {
        "activations",
        "attribution",
        "convolution",
        "downsampling",
        "effective",
        "fourier",
        "histograms",
        "images",
        "kernels",
        "kinds",
        "pooling",
        "surgery",
        "tracing",
        "zoo",
    },
    "comparison": {"plots", "training"},
    "contrasts": {"activations", "rendering", "zoo"},
    "convolution": {"kernels"},
    "costs": {"fourier"},
    "datasets": {"downloads", "images"},
    "depth": {"activations", "convolution", "images", "zoo"},
    "downsampling": {"convolution", "kernels", "pooling"},
    "effective": {"convolution", "stacks"},
    "evaluation": {"datasets", "tracing", "zoo"},
    "exemplars": {"datasets", "images", "receptive_field", "tracing", "zoo"},
    "filters": {"rendering", "tracing", "zoo"},
    "framing": {"rendering"},
    "graph": {"plots", "receptive_field", "tracing", "zoo"},
    "jobs": {"datasets", "downloads", "uploads", "zoo"},
    "kernels": {"matrices"},
    "kinds": {"convolution", "kernels", "matrices"},
    "likeness": {"activations", "images", "patterns", "stimuli", "tracing", "tuning", "zoo"},
    "localization": {"rendering"},
    "microscope": {"convolution", "receptive_field", "tracing", "zoo"},
    "patterns": {"images", "tracing", "zoo"},
    "pooling": {"convolution"},
    "receptive_field": {"convolution", "tracing", "zoo"},
    "recipes": {"attribution", "convolution", "datasets", "patterns", "shortcuts", "stacks", "zoo"},
    "scanning": {"convolution", "images", "rendering"},
    "shortcuts": {"attribution", "datasets", "localization", "rendering", "seeding", "sketches", "training", "zoo"},
    "sketches": {"patterns", "rendering"},
    "stacks": {"convolution", "receptive_field"},
    "surgery": {"datasets", "filters", "tracing", "zoo"},
    "training": {
        "architectures",
        "activations",
        "attribution",
        "augmentation",
        "datasets",
        "evaluation",
        "filters",
        "images",
        "rendering",
        "seeding",
        "sketches",
        "tracing",
        "zoo",
    },
    "trust": {"attribution", "datasets", "images", "localization", "rendering", "tracing", "zoo"},
    "tuning": {"convolution", "stimuli"},
    "uploads": {"datasets", "images", "zoo"},
    "verdicts": {"trust"},
    "zoo": {"downloads", "images", "tracing"},
}
FRAMEWORK_ROOMS = {
    "activations", "architectures", "attribution", "augmentation", "checking", "datasets", "effective", "evaluation",
    "exemplars", "filters", "graph", "jobs", "likeness", "microscope", "patterns", "receptive_field", "seeding",
    "shortcuts", "surgery", "tracing", "training", "trust", "uploads", "zoo",
}  # fmt: skip
FRAMEWORKS = {"tensorflow", "keras"}
GROUND = "lazy"  # every room stands on it
BANNED_NAMES = {"utils", "common", "helpers", "base", "misc", "core"}
LONGEST_PAGE, LONGEST_APP, LONGEST_MODULE = 120, 30, 300  # the app without the lines that name a page


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, also `from package import module`, also by `lazy.load("name")`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy.load" and node.args:
            found.add(ast.literal_eval(node.args[0]))
    return found


def rooms() -> dict[str, list[Path]]:
    """Room -> its files; a package is one room."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "convviz").rglob("*.py")):
        inside = path.relative_to(ROOT / "convviz")
        if inside.name != "__init__.py" or len(inside.parts) > 1:
            found.setdefault(inside.parts[0].removesuffix(".py"), []).append(path)
    return found


def pages() -> list[Path]:
    return [path for path in sorted((ROOT / "pages").glob("*/*.py")) if path.parent.name != "shared"]


def code_lines(path: Path) -> int:
    """Lines without docstrings and blank lines."""
    source = path.read_text()
    taken = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            taken |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return sum(1 for number, line in enumerate(source.splitlines(), 1) if line.strip() and number not in taken)


@pytest.mark.parametrize("room", sorted(rooms()))
def test_a_room_imports_only_the_sisters_on_the_floor_plan(room):
    for path in rooms()[room]:
        for name in imports(path):
            top, _, rest = name.partition(".")
            assert top not in {"streamlit", "pages", "app"}, f"{path} imports {name}"
            sister = rest.split(".")[0]
            assert top != "lazy_loader", f"{path} imports {name}; convviz.lazy says why not"
            if top == "convviz" and sister in rooms() and sister not in (room, GROUND):
                assert sister in FLOOR_PLAN.get(room, set()), f"{path} imports {name}"
            if top in FRAMEWORKS:
                assert room in FRAMEWORK_ROOMS, f"{path} imports {name}"


def test_the_floor_plan_has_no_circles_and_no_empty_rooms():
    assert set(FLOOR_PLAN) <= set(rooms()) - {GROUND}
    done = {GROUND}
    while len(done) < len(rooms()):
        free = {room for room in rooms() if room not in done and FLOOR_PLAN.get(room, set()) <= done}
        assert free, f"a circle among {set(rooms()) - done}"
        done |= free


def test_rooms_are_named_by_their_idea():
    assert not BANNED_NAMES & set(rooms())


def test_no_module_outgrows_its_room():
    for paths in rooms().values():
        for path in paths:
            assert code_lines(path) <= LONGEST_MODULE, f"{path} has {code_lines(path)} lines; make it a package"


def test_no_script_lies_directly_in_pages():
    assert not list((ROOT / "pages").glob("*.py"))


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.stem)
def test_a_page_is_short_and_imports_only_downwards(page):
    assert len(page.read_text().splitlines()) <= LONGEST_PAGE
    for name in imports(page):
        top = name.split(".")[0]
        assert top not in FRAMEWORKS
        assert top != "pages" or name == "pages.shared" or name.startswith("pages.shared.")


def test_shared_page_furniture_imports_no_page():
    for path in (ROOT / "pages" / "shared").glob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] not in FRAMEWORKS
            assert not name.startswith("pages.") or name.startswith("pages.shared")


def test_the_app_is_a_table_of_contents():
    source = (ROOT / "app.py").read_text()
    entries = sum(line.startswith(" " * 8 + "(") for line in source.splitlines())  # one for each page
    assert len(source.splitlines()) - entries < LONGEST_APP
    assert {name.split(".")[0] for name in imports(ROOT / "app.py")} <= {"streamlit", "pages", "contextlib", "convviz"}


def test_importing_any_room_loads_neither_tensorflow_nor_keras():
    names = [f"convviz.{room}" for room in rooms()]
    program = f"import {', '.join(names)}, sys; print({FRAMEWORKS!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "set()"


def test_no_page_holds_a_bare_expression():
    """Streamlit writes the value of a bare expression on the page, also a None."""
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Expr):
                kept = isinstance(node.value, ast.Call | ast.Constant | ast.Yield | ast.Await)
                assert kept, f"{path}, line {node.lineno}"
