"""nmn demo: a page to ask and look inside."""

from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.options import Device, Weights
from nmn.errors import InputError

FIRST_PORT, LAST_PORT = 1, 65535


def demo(
    host: Annotated[
        str, typer.Option("--host", help="Where to listen. Anybody who can reach it can use it.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", min=FIRST_PORT, max=LAST_PORT, help="The first free one from 7860 if not given."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in a browser.")] = False,
    scenes: Annotated[Path | None, typer.Option("--scenes", help="Show the scenes of a CLEVR scene file, too.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Folder with the images of those scenes.")] = None,
    weights: Weights = None,
    second_weights: Annotated[
        Path | None, typer.Option("--second-weights", help="Folder with weights of a second network to compare with.")
    ] = None,
    device: Device = "cpu",
) -> None:
    r"""Open a page to ask about images, and to look inside of the answers.

    It needs the extra 'demo': pip install 'nmn-engine\[demo]'.
    """
    from importlib.util import find_spec

    if find_spec("gradio") is None:
        raise InputError("nmn demo needs gradio: pip install 'nmn-engine[demo]'")
    if images is not None and scenes is None:
        raise InputError("--images holds the images of scenes: give their file with --scenes")
    if images is not None and not images.is_dir():
        raise InputError(f"--images {str(images)!r} is not a folder")
    from nmn.demo.page import build, serve
    from nmn.demo.workbench import Workbench

    workbench = Workbench.ready(
        weights=weights, second_weights=second_weights, device=device, scenes=scenes, images=images
    )
    blocks = build(workbench)
    try:
        address = serve(blocks, host=host, port=port, browser=browser, wait=False)
    except OSError:
        where = host if port is None else f"{host}, port {port}"
        raise InputError(f"cannot listen at {where}: it is taken, or none of this machine's") from None
    print(f"Open {address} and stop with Ctrl-C.", flush=True)
    blocks.block_thread()
