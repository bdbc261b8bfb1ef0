"""Any image file becomes RGB bytes, or one line says why it cannot be used."""

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nmn.errors import ImageError
from nmn.images import load_image

RED = (200, 30, 20)


def solid(mode: str = "RGB", color: object = RED, size: tuple[int, int] = (40, 20)) -> Image.Image:
    return Image.new(mode, size, color)  # type: ignore[arg-type]


def test_a_path_a_pil_image_and_an_array_give_the_same_bytes(tmp_path: Path) -> None:
    image = solid()
    image.save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), image, np.array(image)):
        pixels = load_image(source)
        assert pixels.shape == (20, 40, 3)
        assert pixels.dtype == np.uint8
        assert tuple(pixels[3, 4]) == RED


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "LA", "PA", "I;16", "I", "F"]
)
def test_every_mode_becomes_three_channels(mode: str) -> None:
    image = solid("RGB") if mode in ("P", "PA") else None
    image = image.convert(mode) if image else Image.new(mode, (40, 20))
    assert load_image(image).shape == (20, 40, 3)


def test_cmyk_and_palette_keep_their_colour() -> None:
    for image in (solid().convert("CMYK"), solid().quantize(4)):
        assert np.abs(load_image(image).astype(int) - RED).max() <= 8


def test_transparency_is_laid_over_white() -> None:
    assert tuple(load_image(solid("RGBA", (*RED, 0)))[0, 0]) == (255, 255, 255)
    assert tuple(load_image(solid("RGBA", (0, 0, 0, 128)))[0, 0]) == (127, 127, 127)
    half = np.zeros((20, 40, 4), np.uint8)
    assert tuple(load_image(half)[0, 0]) == (255, 255, 255)


def test_a_transparent_palette_colour_is_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (40, 20), 0)
    image.putpalette([10, 20, 30] * 256)
    image.save(tmp_path / "a.png", transparency=0)
    assert tuple(load_image(tmp_path / "a.png")[0, 0]) == (255, 255, 255)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    array = np.full((20, 40), 0x8000, np.uint16)
    Image.fromarray(array).save(tmp_path / "a.png")
    assert tuple(load_image(tmp_path / "a.png")[0, 0]) == (128, 128, 128)
    assert tuple(load_image(array)[0, 0]) == (128, 128, 128)


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = solid()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert load_image(tmp_path / "a.jpg").shape == (40, 20, 3)


def test_orientation_that_cannot_be_read_is_no_reason_to_refuse(tmp_path: Path) -> None:
    solid().save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0garbage that is no directory of tags")
    assert load_image(tmp_path / "a.jpg").shape == (20, 40, 3)


def test_threads_that_load_images_leave_the_warnings_as_they_were(tmp_path: Path) -> None:
    solid().save(tmp_path / "a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load_image, [tmp_path / "a.png"] * 200))
    assert list(warnings.filters) == before


def test_float_and_bool_arrays_are_scaled() -> None:
    assert load_image(np.full((20, 40), 0.5))[0, 0, 0] == 128
    assert load_image(np.full((20, 40, 1), fill_value=True))[0, 0, 0] == 255


def write_bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def animation() -> bytes:
    buffer = io.BytesIO()
    solid().save(buffer, "GIF", save_all=True, append_images=[solid(color=(0, 0, 255))], duration=100)
    return buffer.getvalue()


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"not an image at all", "not an image"),
        (jpeg()[:5000], "cut off"),
        (animation(), "animated"),
    ],
)
def test_unusable_files_are_refused_in_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as raised:
        load_image(write_bytes(tmp_path / "a.img", data))
    assert "\n" not in str(raised.value)
    assert "a.img" in str(raised.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "TGA", "ICO", "PCX", "DDS"])
def test_a_damaged_file_gives_an_image_or_one_line(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    solid().save(buffer, kind)
    random = np.random.default_rng(0)
    for _ in range(60):
        data = np.frombuffer(buffer.getvalue(), np.uint8).copy()
        data[random.integers(0, min(len(data), 200), 5)] = random.integers(0, 255, 5)
        path = write_bytes(tmp_path / "a.img", data[: random.integers(1, 2 * len(data))].tobytes())
        try:
            assert load_image(path).shape[2] == 3
        except ImageError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["a" * 3000, "a\0b"])
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(ImageError, match="no image file"):
        load_image(name)


@pytest.mark.parametrize("size", [(1, 1), (15, 40), (10_001, 20)])
def test_sizes_out_of_range_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    solid(size=size).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="px"):
        load_image(tmp_path / "a.png")
    with pytest.raises(ImageError, match="px"):
        load_image(np.zeros((size[1], size[0], 3), np.uint8))


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    solid(size=(40, 20)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="too large"):
        load_image(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)
    with pytest.raises(ImageError, match="too large"):
        load_image(tmp_path / "a.png")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no image file"):
        load_image(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="folder"):
        load_image(tmp_path)


@pytest.mark.parametrize(
    "source",
    [3, None, b"bytes", np.zeros(5), np.zeros((20, 40, 2)), np.full((20, 40), 2.0), np.zeros((20, 40), np.int64)],
)
def test_what_is_no_image_is_refused(source: object) -> None:
    with pytest.raises(ImageError):
        load_image(source)
