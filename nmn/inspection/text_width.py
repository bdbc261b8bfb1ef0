"""Text widths: how wide a text will be drawn, at most, in whatever sans-serif font a browser has."""

from unicodedata import combining, east_asian_width

# Advance widths of DejaVu Sans, the widest of the fonts that the style sheet names, in hundredths of the font size and
# rounded up: what fits by these fits in every one of them.
_WIDTHS = (
    (30, "'IJijl"),
    (35, " ,./:;\\|"),
    (40, "()-[]ft"),
    (45, "!r"),
    (50, '"*_`'),
    (55, "?csz"),
    (60, "FLkvxy"),
    (65, "$0123456789EPSTYabdeghnopqu{}"),
    (70, "ABCKRVXZ"),
    (75, "NU"),
    (80, "&DGHOQ"),
    (85, "#+<=>^w~"),
    (90, "M"),
    (95, "%"),
    (100, "@Wm"),
)
_OF = {letter: width / 100 for width, letters in _WIDTHS for letter in letters}
_NARROW, _WIDE = 0.75, 1.0
_BOLD = 1.16
"""How much wider than regular a bold letter is."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """An upper bound of a text's width.

    Args:
        text: One line.
        size: Font size, px.
        bold: Whether it is drawn in bold.

    Returns:
        px.
    """
    width = sum(0.0 if combining(each) else _of(each) for each in text)
    return width * size * (_BOLD if bold else 1.0)


def fitted(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text, or as much of its beginning as there is room for, with three dots behind it."""
    if text_width(text, size, bold=bold) <= room:
        return text
    left = room - text_width("…", size, bold=bold)
    kept = ""
    for each in text:
        left -= text_width(each, size, bold=bold)
        if left < 0:
            break
        kept += each
    return kept.rstrip() + "…"


def _of(letter: str) -> float:
    return _OF.get(letter) or (_WIDE if east_asian_width(letter) in "WF" else _NARROW)
