"""The notebook runs from its first cell to its last, and the folder is a Hugging Face Space."""

import re
import tomllib
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_tour_runs(root: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient: make setup installs it")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: make setup installs it")
    notebook = nbformat.read(root / "demo" / "tour.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in shown if output.output_type == "error"]
    drawn = [output for output in shown if "nmn-graph" in output.get("data", {}).get("text/html", "")]
    assert len(drawn) == 4
    assert not [each for each in tmp_path.iterdir() if each.suffix == ".html"]


def test_the_tour_is_kept_without_outputs(root: Path) -> None:
    text = (root / "demo" / "tour.ipynb").read_text(encoding="utf-8")
    assert '"outputs": []' in text
    assert not re.search(r'"execution_count": \d', text)


def front_matter(root: Path) -> dict[str, str]:
    head = (root / "demo" / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    return {name: value.strip().strip('"') for name, value in re.findall(r"^(\w+): (.*)$", head, flags=re.MULTILINE)}


def test_the_folder_is_a_space(root: Path) -> None:
    found = front_matter(root)
    assert found["sdk"] == "gradio"
    assert (root / "demo" / found["app_file"]).is_file()
    requirements = (root / "demo" / "requirements.txt").read_text(encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{project['name']}[demo]" in requirements
    pinned = dict(line.split("==") for line in (root / "constraints.txt").read_text(encoding="utf-8").split())
    assert pinned["gradio"] == found["sdk_version"]
    assert len(found["short_description"]) <= 60
