"""Markup: elements of HTML and SVG in which every text and every attribute is escaped."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


def element(tag: str, *children: str | Markup | Iterable[Markup], **attributes: object) -> Markup:
    """One element.

    Args:
        tag: Its name.
        children: Markup as it is; anything else is text and is escaped.
        attributes: ``class_`` is ``class`` and ``aria_label`` is ``aria-label``; those that are None or False are left
            out, those that are True have no value.
    """
    shown = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        plain = name.rstrip("_").replace("_", "-")
        shown.append(f" {plain}" if value is True else f' {plain}="{escape(_text(value), quote=True)}"')
    inner = "".join(_inner(child) for child in children)
    return Markup(f"<{tag}{''.join(shown)}>{inner}</{tag}>")


def joined(parts: Iterable[Markup]) -> Markup:
    """Some markup one after another."""
    return Markup("".join(parts))


def _inner(child: "str | Markup | Iterable[Markup]") -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(child, quote=False)
    return "".join(child)


def _text(value: object) -> str:
    """Numbers as short as a pixel's tenth needs."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
