"""Inspection: an answer as something to look at: a view of plain records, and its one drawing in HTML and SVG."""

from nmn.inspection.page import fragment, page
from nmn.inspection.view import View
from nmn.inspection.viewing import view, view_of_trace
from nmn.trace import Answer, Trace

__all__ = ["View", "fragment", "notebook", "page", "view"]


def notebook(shown: Answer | Trace) -> str:
    """An answer or a trace as a notebook shows it: what ``_repr_html_`` gives."""
    return fragment(view(shown) if isinstance(shown, Answer) else view_of_trace(shown))
