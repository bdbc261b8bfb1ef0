"""Packaging: versions agree, everything needed is pinned, and ./datasets explains itself."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata, resources, util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def run(code: str, *, safe_path: bool) -> "subprocess.CompletedProcess[str]":
    """Run code in a fresh interpreter in the repository's root."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    if safe_path:
        environment["PYTHONSAFEPATH"] = "1"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_installed_version_is_the_projects() -> None:
    assert metadata.version(PROJECT["name"]) == PROJECT["version"]


def test_every_dependency_has_an_exact_version() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    names = {normal(re.split(r"[<>=!~\[; ]", line)[0]) for line in wanted}
    pinned = {normal(line.split("==")[0]) for line in CONSTRAINTS.splitlines() if "==" in line}
    assert names <= pinned


def test_constraints_hold_exact_public_versions_only() -> None:
    assert not [line for line in CONSTRAINTS.splitlines() if not re.fullmatch(r"[\w.-]+==[\w.]+", line)]


def test_there_is_a_changelog_entry_for_the_version() -> None:
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed() -> None:
    assert (resources.files("nmn") / "py.typed").is_file()


def test_the_root_is_not_on_the_path_of_the_tests() -> None:
    assert ROOT not in [Path(entry or ".").resolve() for entry in sys.path]


def test_hugging_faces_datasets_is_not_hidden_under_a_safe_path() -> None:
    found = util.find_spec("datasets")
    assert found is None or not str(found.origin).startswith(str(ROOT))


def test_importing_our_folder_as_datasets_explains_itself_in_one_line() -> None:
    done = run("import datasets", safe_path=False)
    assert done.returncode == 1
    assert "PYTHONSAFEPATH=1" in done.stderr.splitlines()[-1]
    assert "nmn.datasets" in done.stderr.splitlines()[-1]


def test_our_data_sets_can_be_imported_from_the_root_without_a_safe_path() -> None:
    done = run("import nmn.datasets.clevr, nmn.parser, nmn.modules, nmn.demo", safe_path=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_trainer_can_be_imported_from_the_root_with_a_safe_path() -> None:
    done = run("from transformers import Trainer", safe_path=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_trainer_says_why_it_cannot_be_imported_from_the_root_without_a_safe_path() -> None:
    done = run("from transformers import Trainer", safe_path=False)
    assert done.returncode == 0 or "PYTHONSAFEPATH=1" in done.stderr.splitlines()[-1]
