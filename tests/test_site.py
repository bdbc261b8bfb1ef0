"""The site: no page is left out, the reference holds the public list, links lead to pages, docstrings become Markdown."""

import ast
import re
import sys
from importlib import util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml

import nmn

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "docs" / "tools"


def tool(name: str) -> ModuleType:
    for needed in ("mkdocs", "griffe"):
        pytest.importorskip(needed, reason="needs the extra 'docs': make setup installs it")
    spec = util.spec_from_file_location(f"docs_{name}", TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def settings() -> str:
    return (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(settings: str) -> list[str]:
    """Files in the order of the navigation."""

    def files(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        below = entry.values() if isinstance(entry, dict) else entry
        return [file for each in below for file in files(each)]  # type: ignore[attr-defined]

    return files(yaml.safe_load(settings)["nav"])


def test_every_guide_is_in_the_navigation(pages: list[str]) -> None:
    hooks = tool("hooks")
    docs = ROOT / "docs"
    written = {str(path.relative_to(docs)) for path in docs.rglob("*.md") if path.parent.name != "decisions"}
    made = {*hooks.ROOT_PAGES.values(), *map(hooks.page_of, hooks.REFERENCE)}
    assert set(pages) == written | made, "mkdocs.yml has the navigation"
    assert len(pages) == len(set(pages))


def test_nothing_is_fetched_from_elsewhere(settings: str) -> None:
    assert "font: false" in settings
    assert "https://" not in settings


def test_the_reference_holds_what_is_public() -> None:
    modules = {name for names in tool("hooks").REFERENCE.values() for name in names}
    assert set(nmn._HOMES.values()) <= modules
    for name in modules:
        place = ROOT.joinpath(*name.split("."))
        assert place.is_dir() or place.with_suffix(".py").is_file(), name


class Pages:
    """Pages that there are, as mkdocs asks for them."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_file_from_path(self, name: str) -> str | None:
        return name if name in self.names else None


def led(text: str, page: str = "guides/modules.md") -> str:
    page_of_it = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    pages = Pages("guides/modules.md", "faq.md", "architecture.md", "images/answer.png")
    return str(tool("hooks").on_page_markdown(text, page_of_it, None, pages))


def test_links_lead_to_pages() -> None:
    assert led("[a](../faq.md#weights)") == "[a](../faq.md#weights)"
    assert led("[a](../../ARCHITECTURE.md)") == "[a](../architecture.md)"
    assert led("[a](docs/faq.md)", "overview.md") == "[a](faq.md)"
    assert led("![a](docs/images/answer.png)", "overview.md") == "![a](images/answer.png)"
    assert led("[x](https://a.b) [y](#z)") == "[x](https://a.b) [y](#z)"


def test_links_to_other_files_are_left_as_text() -> None:
    assert led("[`nmn/providing.py`](../../nmn/providing.py)") == "`nmn/providing.py`"
    assert led("[the tour](../../demo/tour.ipynb)") == "the tour (`demo/tour.ipynb`)"


def test_code_is_left_alone() -> None:
    text = "`[a](b)`\n\n```text\n[a](b)\n```\n"
    assert led(text) == text


def test_a_link_to_nothing_is_refused() -> None:
    tool("hooks")
    from mkdocs.exceptions import PluginError

    with pytest.raises(PluginError, match=r"docs/guides/modules.md links to nowhere.md"):
        led("[a](nowhere.md)")


def test_docstrings_become_markdown() -> None:
    done = tool("docstrings").in_markdown(
        "Does it; see :meth:`~nmn.engine.Engine.answer`.\n\n::\n\n    from nmn import Engine\n    Engine()\n\n"
        "====  =========\none   ``a | b``\ntwo   c\n====  =========\n\nRaises: InputError when not."
    )
    assert "`nmn.engine.Engine.answer`" in done
    assert "```python\nfrom nmn import Engine\nEngine()\n```" in done
    assert "| one | ``a \\| b`` |\n| two | c |" in done
    assert "**Raises:** InputError when not." in done
    assert not re.search(r"::|====", done)


def test_python_in_docstrings_is_python() -> None:
    made = tool("docstrings")
    found = 0
    for path in [*ROOT.glob("nmn/**/*.py"), *ROOT.glob("parser/**/*.py"), *ROOT.glob("datasets/*.py")]:
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "::\n" in source else ():
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and "::" in (
                ast.get_docstring(node) or ""
            ):
                text = made.in_markdown(str(ast.get_docstring(node)))
                for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
                    compile(block, str(path), "exec")
                    found += 1
    assert found


def test_sections_with_a_body_stay_as_they_are() -> None:
    text = "Does it.\n\nArgs:\n    one: The first.\n\nRaises:\n    InputError: when not."
    assert tool("docstrings").in_markdown(text) == text


def test_the_page_of_operations_is_current() -> None:
    made = tool("operations_page")
    written = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert written == made.page(), "docs/operations.md is not current: run `make docs`"
    for each in {each.operation for setting in made.settings() for each in setting.registry}:
        assert f"### {each}\n" in written
