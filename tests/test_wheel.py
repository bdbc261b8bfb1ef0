"""The wheel, installed where there is no checkout: complete, and it runs."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"][
    "package-dir"
]

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by way of the source distribution, from a copy, so that nothing left by earlier builds gets in."""
    folder = tmp_path_factory.mktemp("build")
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs")
    shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=left_out)
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "checkout")
    run(*build, folder=folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and borrows what it depends on from this one."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def files_on_disk() -> set[str]:
    """Every file of the package, by its name in the wheel."""
    found: set[str] = set()
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):  # does not follow the links in nmn/
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md":
                found.add(f"{package.replace('.', '/')}/{path.relative_to(ROOT / folder).as_posix()}")
    return found


def test_the_wheel_holds_every_file_of_the_package_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if ".dist-info/" not in name and not name.endswith(".md")}
    assert len(names) == len(set(names))
    assert held == files_on_disk()


def test_the_installed_package_runs_outside_the_checkout(python: Path, tmp_path: Path) -> None:
    code = """
import nmn.datasets.clevr, nmn.parser, nmn.modules, nmn.demo
from importlib import resources
from nmn.domain import Domain
samples = resources.files("nmn.demo") / "samples" / "scenes.json"
print(nmn.__file__, len(nmn.datasets.clevr.read_scenes(samples, Domain.load("clevr"))))
"""
    place, count = run(python, "-c", code, folder=tmp_path).split()
    assert Path(place).is_relative_to(python.parent.parent)
    assert count == "12"


def test_the_installed_command_answers(python: Path, tmp_path: Path) -> None:
    assert "ask" in run(python.parent / "nmn", "--help", folder=tmp_path)


def test_the_installed_command_answers_a_question_about_an_image(python: Path, tmp_path: Path) -> None:
    image = ROOT / "demo" / "samples" / "CLEVR_val_000002.jpg"
    question = "How big is the object in front of the green object?"
    assert "large" in run(python.parent / "nmn", "ask", image, question, folder=tmp_path)
