"""Gallery: uploads are bounded, decoded with care, and kept under names that lead nowhere else."""

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nmn.demo.gallery import LARGEST_UPLOAD, LONGEST_SIDE, MOST_UPLOADS, Gallery, decoded, described, samples
from nmn.domain import Domain
from nmn.errors import ImageError, InputError, SceneError


def address(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png(width: int, height: int) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 30)).save(kept, "PNG")
    return kept.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says that it is enormous."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_an_image_is_kept_as_it_is() -> None:
    assert decoded(address(png(64, 48))).shape == (48, 64, 3)


def test_a_large_image_is_made_smaller() -> None:
    assert max(decoded(address(png(3000, 1500))).shape[:2]) == LONGEST_SIDE


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (8_000, 8_000), (60_000, 60_000)])
def test_decompression_bombs_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    with pytest.raises(ImageError):
        decoded(address(bomb(width, height)))


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "data:image/png;base64,",
        "data:image/png;base64,***",
        "data:image/png,plain",
        "file:///etc/passwd",
        "../../etc/passwd",
        address(b"GIF89a not a picture"),
        address(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
        address(png(64, 48)[:90]),
        address(png(4, 4)),
    ],
)
def test_what_is_no_usable_image_is_refused_in_one_line(sent: str) -> None:
    with pytest.raises(ImageError) as refused:
        decoded(sent)
    assert "\n" not in str(refused.value)


def test_files_that_are_too_large_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(ImageError, match="too large"):
        decoded("data:image/png;base64," + "A" * (LARGEST_UPLOAD * 4 // 3 + 8))


def test_the_oldest_uploads_are_forgotten() -> None:
    gallery = Gallery({})
    names = [gallery.add(address(png(32, 32))).name for _ in range(MOST_UPLOADS + 3)]
    assert len(set(names)) == len(names)
    assert gallery.find(names[-1]).pixels is not None
    with pytest.raises(InputError, match="no such image"):
        gallery.find(names[0])


@pytest.mark.parametrize(
    "name", ["../samples/CLEVR_val_000000", "/etc/passwd", "CLEVR_val_000000.jpg", "", "\0", "a" * 9000]
)
def test_names_are_names_and_no_paths(clevr: Domain, name: str) -> None:
    with pytest.raises(InputError, match="no such image"):
        Gallery(samples(clevr)).find(name)


def test_samples_have_pixels_an_annotation_and_questions(clevr: Domain) -> None:
    found = samples(clevr)
    assert len(found) == 12
    for each in found.values():
        assert each.questions
        assert each.to_json()["eyes"] == ["network", "annotation"]
        assert str(each.to_json()["thumbnail"]).startswith("data:image/jpeg;base64,")


def test_scenes_of_a_file_come_with_their_images_where_there_are_any(clevr: Domain, root: Path) -> None:
    folder = root / "demo" / "samples"
    plain = described(folder / "scenes.json", clevr)
    assert all(each.pixels is None for each in plain.values())
    assert all(
        isinstance(each.pixels, np.ndarray) for each in described(folder / "scenes.json", clevr, folder).values()
    )
    with pytest.raises(InputError, match="no pixels"):
        plain["scene-0"].seen_by("network")
    with pytest.raises(SceneError):
        described(folder / "missing.json", clevr)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "..", "images/../../secret.png"])
def test_a_scene_file_reads_no_image_outside_of_its_folder(
    clevr: Domain, root: Path, tmp_path: Path, name: str
) -> None:
    record = json.loads((root / "demo" / "samples" / "scenes.json").read_text(encoding="utf-8"))
    record["scenes"] = [{**record["scenes"][0], "image_filename": name}]
    (tmp_path / "scenes.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "secret.png").write_bytes(png(32, 32))
    (tmp_path / "images").mkdir()
    (found,) = described(tmp_path / "scenes.json", clevr, tmp_path / "images").values()
    assert found.pixels is None


@pytest.fixture(scope="module")
def clevr() -> Domain:
    return Domain.load("clevr")
