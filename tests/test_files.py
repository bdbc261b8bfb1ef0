"""JSON files: written whole or not at all, read with errors of one line."""

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmn.errors import DataError
from nmn.files import read_json, write_json

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values)
def test_what_is_written_is_read_back(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value


def test_half_a_surrogate_pair_is_written_and_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "value.json", ["\ud800", "é"])
    assert read_json(tmp_path / "value.json") == ["\ud800", "é"]


@pytest.mark.parametrize(
    "value", [math.nan, {"deep": [math.inf]}, object(), {1, 2}], ids=["nan", "infinity", "object", "set"]
)
def test_what_json_cannot_hold_leaves_the_old_file_as_it_was(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "value.json", "old")
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "marked.json") == [1]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[1,]", b"{", b"", b"1" * 5000, b"[" * 100_000, b"[1] 2"])
def test_what_is_not_json_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_json(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
