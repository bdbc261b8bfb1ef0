"""Page: the workbench in a browser, by gradio, whose parts serve it and whose telemetry stays off."""

import json
import os
from importlib import resources
from typing import Any

from nmn.demo.body_limit import BodyLimit
from nmn.demo.doors import Doors
from nmn.demo.gallery import LARGEST_UPLOAD
from nmn.demo.workbench import AT_ONCE, Workbench
from nmn.inspection.markup import Markup, element, joined
from nmn.inspection.page import asset

TITLE = "nmn: ask, and look inside"

# Read when gradio is imported: no request leaves the machine.
_QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}


def build(workbench: Workbench) -> Any:
    """The page as gradio's ``Blocks``, not yet served."""
    os.environ.update(_QUIET)
    import gradio

    def ask(record: Any) -> Any:
        return workbench.ask(record)

    def check(record: Any) -> Any:
        return workbench.check(record)

    def menu(record: Any) -> Any:
        return workbench.menu(record)

    def upload(record: Any) -> Any:
        return workbench.upload(record)

    def download(record: Any) -> Any:
        return workbench.download(record)

    with gradio.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        gradio.HTML(
            _skeleton(workbench),
            js_on_load=_script(),
            apply_default_css=False,
            server_functions=[ask, check, menu, upload, download],
            elem_id="workbench",
        )
    return blocks


def serve(blocks: Any, *, host: str | None, port: int | None, browser: bool = False, wait: bool = True) -> str:
    """Serve a page until interrupted, or in the background.

    Args:
        blocks: From :func:`build`.
        host: Where to listen; gradio's environment variables, and else this machine alone, if None.
        port: Likewise; the first free one from 7860 if None.
        browser: Whether to open a browser.
        wait: Whether to return only when it is over.

    Returns:
        Its address.
    """
    import torch
    from starlette.middleware import Middleware

    # Runs go on beside one another, each in a share of the cores: thread pools that wait for each other are slow.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // AT_ONCE))
    _, address, _ = blocks.queue(max_size=64).launch(
        server_name=host,
        server_port=port,
        inbrowser=browser,
        share=False,
        quiet=True,
        show_error=False,
        prevent_thread_lock=True,
        max_file_size=LARGEST_UPLOAD,
        app_kwargs={
            "middleware": [Middleware(Doors), Middleware(BodyLimit)],
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
        footer_links=[],
        ssr_mode=False,
        enable_monitoring=False,
        head=_HEAD,
        theme=gradio_theme(),
    )
    if wait:
        blocks.block_thread()
    return str(address)


def gradio_theme() -> Any:
    """System fonts only: none are fetched."""
    import gradio

    fonts = ["system-ui", "sans-serif"]
    return gradio.themes.Base(font=fonts, font_mono=["ui-monospace", "monospace"])


_HEAD = '<meta name="referrer" content="no-referrer">'


def _skeleton(workbench: Workbench) -> Markup:
    """What is there before the first answer."""
    # No script element: gradio would warn that it does not run.
    data = element("div", json.dumps(workbench.start()), id="wb-start", hidden=True)
    # Not by gradio's own parameter for it, which takes lists in selectors apart.
    style = element("style", Markup(asset("inspection.css") + _own("workbench.css")))
    return joined([style, Markup(_own("workbench.html")), data])


def _script() -> str:
    files = [asset("inspection.js"), *map(_own, ("completion.js", "parts.js", "steps.js", "workbench.js"))]
    return "\n".join([*files, "workbenchStart(element, server);"])


def _own(name: str) -> str:
    return (resources.files("nmn.demo") / name).read_text(encoding="utf-8")
