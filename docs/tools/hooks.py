"""What the site has besides the files in docs/: pages of files at the root, the reference, and links that lead to pages.

Guides are written to be read in the repository, too: their links lead to files. Here a link to a file that is a page leads to
that page, and one to any other file of the repository is left as its text.
"""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent.parent
ROOT_PAGES = {
    "README.md": "overview.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}

# The public modules; everything else is the engine's own and may change without notice.
REFERENCE: Mapping[str, tuple[str, ...]] = {
    "Engine and answers": ("nmn.engine", "nmn.trace", "nmn.asked"),
    "Programs and domains": ("nmn.program", "nmn.domain", "nmn.vocabulary", "nmn.check", "nmn.parser.text"),
    "Questions": (
        "nmn.parse",
        "nmn.parser.english",
        "nmn.parser.cascade",
        "nmn.parser.links",
        "nmn.parser.neural.parser",
    ),
    "Modules": ("nmn.registry", "nmn.types", "nmn.scene", "nmn.logic", "nmn.cost", "nmn.exact.scene"),
    "Images and scenes": (
        "nmn.perceiver",
        "nmn.images",
        "nmn.scenes",
        "nmn.scene_perceiver",
        "nmn.perception.detector",
        "nmn.providing",
    ),
    "Data sets": ("nmn.data_set", "nmn.questions", "nmn.datasets.clevr", "nmn.datasets.gqa", "nmn.datasets.shapes"),
    "Learning": ("nmn.learning", "nmn.module_weights"),
    "Evaluation and inspection": (
        "nmn.evaluation",
        "nmn.evaluation.report",
        "nmn.inspection.view",
        "nmn.inspection.running",
    ),
    "Testing": ("nmn.testing",),
    "Errors and plug-ins": ("nmn.errors", "nmn.plugins"),
}

_FENCE = re.compile(r"^( *)(```+)[^\n]*\n.*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<code>`[^`\n]*`)|(?P<image>!?)\[(?P<text>(?:[^\[\]]|`[^`]*`)*)\]\((?P<target>[^)\s]+)\)")


def page_of(title: str) -> str:
    """The file of a part of the reference."""
    return f"reference/{title.lower().replace(' ', '-')}.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file in docs/ holds."""
    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for title, modules in REFERENCE.items():
        lines = [f"# {title}", *(f"::: {module}" for module in modules)]
        files.append(File.generated(config, page_of(title), content="\n\n".join(lines) + "\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to pages."""
    origin = {where: name for name, where in ROOT_PAGES.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    done, position = list[str](), 0
    for fence in _FENCE.finditer(markdown):
        done += [_led(markdown[position : fence.start()], origin, page, files), fence[0]]
        position = fence.end()
    return "".join([*done, _led(markdown[position:], origin, page, files)])


def _led(text: str, origin: str, page: Page, files: Files) -> str:
    """Text with its links led to pages. Raises: PluginError where there is no such file."""

    def lead(found: "re.Match[str]") -> str:
        if found["code"] or "://" in found["target"] or found["target"].startswith(("#", "mailto:")):
            return found[0]
        name, mark, anchor = found["target"].partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(origin), name))
        target = ROOT_PAGES.get(place, place.removeprefix("docs/"))
        if files.get_file_from_path(target) is not None:
            start = posixpath.dirname(page.file.src_uri) or "."
            return f"{found['image']}[{found['text']}]({posixpath.relpath(target, start)}{mark}{anchor})"
        if not (ROOT / place).exists():
            raise PluginError(f"{origin} links to {found['target']}, which is no file")
        return found["text"] if "`" in found["text"] else f"{found['text']} (`{place}`)"

    return _LINK.sub(lead, text)
