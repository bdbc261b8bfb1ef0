"""Perception as ONNX files."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.perception.test_focus import FOCUS, staged

from nmn.errors import InputError
from nmn.perception.onnx_files import example, graphs, write_onnx


def test_every_part_of_a_perceiver_is_a_graph(tiny: SimpleNamespace) -> None:
    perceiver = staged(tiny)
    found = {graph.name: graph for graph in graphs(perceiver)}
    assert set(found) == {"glance", "objects", *(f"focus_{name}" for name in FOCUS.pathways)}
    for graph in found.values():
        inputs = example(graph, perceiver, 2)
        assert len(graph.network(*inputs)) == len(graph.outputs)
        assert len(inputs) == len(graph.inputs) == len(graph.rows)


def test_without_the_packages_it_is_said_what_to_install(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="pip install"):
        write_onnx(staged(tiny), tmp_path)


@pytest.mark.slow
def test_onnxruntime_computes_what_torch_computes(tiny: SimpleNamespace, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    differences = write_onnx(staged(tiny), tmp_path)
    assert set(differences) == {path.name for path in tmp_path.glob("*.onnx")}
    assert len(differences) == 2 + len(FOCUS.pathways)
    assert max(differences.values()) < 1e-4
    assert (tmp_path / "config.json").is_file()
