"""The order of the house: what may import what, what may name what, and that nothing is forgotten or too large."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx
import pytest

from nmn.domain import Domain

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]

# Importing goes upwards only: nothing imports from a line below its own. A new part is added to the line it belongs to.
ORDER: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "errors",
        "cost domain files images logic matching plugins program questions signature toml_file types vocabulary",
        "data_set parse perceiver providing registry scenes trace",
        "asked batches check exact kinds memory scene words",
        "datasets modules parser perception possible promise sampling scene_perceiver worlds",
        "blocks fusing lowering planner",
        "executor",
        "loop resume",
        "decode",
        "soft",
        "policies scene_backend",
        "learning module_weights",
        "engine",
        "bench evaluation inspection testing",
        "cli demo",
    )
)
LIBRARIES = ("nmn.parser", "nmn.modules", "nmn.datasets")  # never import one another

# Keyword arguments of numpy, torch and rich whose values are words of theirs.
THEIR_KEYWORDS = {"side", "justify", "style", "border_style", "align"}

LONGEST_FILE = 350  # lines
LARGEST_FILE = 20_000_000  # bytes
WITHOUT_TORCH = (
    *("nmn", "nmn.errors", "nmn.domain", "nmn.program", "nmn.parse", "nmn.scenes", "nmn.datasets.clevr"),
    *("nmn.evaluation.comparison", "nmn.evaluation.markdown", "nmn.evaluation.plots"),
)


@cache
def sources() -> dict[str, Path]:
    """Module name to its file, for everything in the package."""
    found: dict[str, Path] = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):  # rglob does not follow the links in nmn/
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


@cache
def links() -> tuple[Path, ...]:
    return tuple(path for path in sorted((ROOT / "nmn").iterdir()) if path.is_symlink())


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(sources()[name].read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, but for what is imported for type checking only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from statements(child)


@cache
def imports(name: str) -> tuple[str, ...]:
    """Modules of ours that a module imports, in functions too."""
    return tuple(_imports(name))


def _imports(name: str) -> Iterator[str]:
    for node in statements(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if within(alias.name, "nmn"))
        elif isinstance(node, ast.ImportFrom) and within(node.module or "", "nmn"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in sources() else str(node.module)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_every_package_on_disk_is_listed() -> None:
    on_disk = {name for name, path in sources().items() if path.name == "__init__.py"}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == on_disk


def test_every_folder_with_python_files_is_a_package() -> None:
    homeless = [str(path) for path in sources().values() if not (path.parent / "__init__.py").is_file()]
    assert not homeless


def test_links_lead_to_the_folders_of_the_package_map() -> None:
    leads = {f"nmn.{link.name}": link.readlink().as_posix() for link in links()}
    assert leads == {package: f"../{folder}" for package, folder in FOLDERS.items() if package != "nmn"}


def level(name: str) -> int:
    """The line of ORDER that a module belongs to."""
    part = name.split(".")[1]
    found = [number for number, parts in enumerate(ORDER) if part in parts]
    assert found, f"nmn.{part} has no place in ORDER, in tests/test_layout.py"
    return found[0]


def test_imports_follow_the_order() -> None:
    breaches = [
        f"{name} imports {target}"
        for name in sources()
        if name not in ("nmn", "nmn.__main__")
        for target in imports(name)
        if target != "nmn" and level(target) > level(name)
    ]
    assert not breaches


def test_parsers_modules_and_data_sets_never_import_one_another() -> None:
    breaches = [
        f"{name} imports {target}"
        for name in sources()
        for library in LIBRARIES
        if within(name, library)
        for target in imports(name)
        if any(other != library and within(target, other) for other in LIBRARIES)
    ]
    assert not breaches


def test_nothing_but_the_command_line_imports_the_command_line() -> None:
    allowed = ("nmn.cli", "nmn.__main__")
    breaches = [
        f"{name} imports {target}"
        for name in sources()
        if not any(within(name, part) for part in allowed)
        for target in imports(name)
        if within(target, "nmn.cli")
    ]
    assert not breaches


def test_imports_go_in_no_circles() -> None:
    graph = networkx.DiGraph((name, target) for name in sources() for target in imports(name) if name != target)
    assert not list(networkx.simple_cycles(graph))


def test_imports_are_absolute_and_by_the_name_nmn() -> None:
    folders = {folder for folder in FOLDERS.values() if folder != "nmn"}
    breaches = [
        f"{path.relative_to(ROOT)}, line {node.lineno}"
        for name, path in sources().items()
        for node in ast.walk(tree(name))
        if (isinstance(node, ast.ImportFrom) and (node.level > 0 or (node.module or "").split(".")[0] in folders))
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] in folders for alias in node.names))
    ]
    assert not breaches


def test_only_domain_files_name_what_a_domain_declares() -> None:
    words = domain_words()
    breaches = [
        f"{path.relative_to(ROOT)}, line {line}: {text!r}"
        for path, line, text in [*python_constants(), *grammar_constants()]
        if text.strip().lower() in words
    ]
    assert not breaches


def domain_words() -> frozenset[str]:
    """Names of CLEVR's attributes, values and relations, and the words for them."""
    domain = Domain.load("clevr")
    names = {attribute.name for attribute in domain.attributes} | {value for _, value in domain.concepts}
    return frozenset(names | {relation.name for relation in domain.relations} | set(domain.words()) - set(domain.nouns))


def python_constants() -> Iterator[tuple[Path, int, str]]:
    """String constants outside docstrings."""
    for name, path in sources().items():
        exempt = [
            node.value
            for node in ast.walk(tree(name))
            if isinstance(node, ast.Expr) or (isinstance(node, ast.keyword) and node.arg in THEIR_KEYWORDS)
        ]
        left_out = {id(inner) for value in exempt for inner in constants_of(value)}
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
                yield path, node.lineno, node.value


def constants_of(value: ast.expr) -> Iterator[ast.expr]:
    """A docstring or plain constant itself; either branch of `x if y else z`."""
    if isinstance(value, ast.IfExp):
        yield from constants_of(value.body)
        yield from constants_of(value.orelse)
    else:
        yield value


def grammar_constants() -> Iterator[tuple[Path, int, str]]:
    for folder in FOLDERS.values():
        for path in sorted((ROOT / folder).rglob("*.lark")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line.split("//")[0]):
                    yield path, number, text


def test_files_are_short_enough_to_read() -> None:
    paths = [*sources().values(), *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert not {path: length for path, length in lengths.items() if length > LONGEST_FILE}


def test_no_file_is_called_after_nothing() -> None:
    assert not [path for path in sources().values() if path.stem in {"utils", "helpers", "common", "misc"}]


def test_no_tracked_file_is_large() -> None:
    assert not [str(path) for path in tracked() if path.stat().st_size > LARGEST_FILE]


def test_no_tracked_file_holds_a_path_of_somebodys_machine() -> None:
    places = "|".join(("work", "root", "home", "opt", "tmp", "mnt", "Users"))
    machine_path = re.compile(rf"(?<![\w./~-])/(?:{places})/\w")
    breaches: list[str] = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if machine_path.search(line):
                breaches.append(f"{path.relative_to(ROOT)}, line {number}: {line.strip()[:100]}")
    assert not breaches


def test_what_needs_no_torch_does_not_import_it() -> None:
    present = [name for name in WITHOUT_TORCH if name in sources()]
    neural = "nmn.parser.neural"  # which nothing else in nmn.parser may import, or the others would need torch, too
    present += [name for name in sources() if within(name, "nmn.parser") and not within(name, neural)]
    assert not heavy_after(f"import {', '.join(present)}")


def test_help_of_the_command_line_does_not_import_torch() -> None:
    code = "from contextlib import suppress; from nmn.cli import main; sys.argv = ['nmn', '--help']\n"
    assert not heavy_after(code + "with suppress(SystemExit): main()")


def heavy_after(code: str) -> str:
    """Which heavy packages a fresh interpreter has imported after running some code."""
    report = "print('heavy:', *sorted({'torch', 'transformers', 'scipy', 'pandas'} & set(sys.modules)))"
    command = [sys.executable, "-P", "-c", f"import sys\n{code}\n{report}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("heavy:")[2].strip()
