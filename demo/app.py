"""The page as a Hugging Face Space: this folder is one as it stands (docs/inspection.md)."""

from nmn.demo.page import build, serve
from nmn.demo.workbench import Workbench


def main() -> None:
    """Serve the page where the Space's environment says."""
    serve(build(Workbench.ready()), host=None, port=None)


if __name__ == "__main__":
    main()
