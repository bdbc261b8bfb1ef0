"""Docstrings for the site: what mkdocstrings' Markdown does not know is put in its words.

Ours are plain text that reads well in an editor: ``code``, :class:`references`, blocks behind ``::``, tables between lines of
``===``, and sections of one line such as "Raises: InputError when ...".
"""

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|meth|func|data|attr|mod):`~?([\w.]+)`")
_ONE_LINE = re.compile(r"^(Returns|Raises|Source|Cost|Run): (?=\S)", re.MULTILINE)
_RULE = re.compile(r"=+( +=+)*")


class Docstrings(griffe.Extension):
    """Rewrites every docstring as it is loaded."""

    def on_instance(self, *, obj: griffe.Object, **_kwargs: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = in_markdown(obj.docstring.value)


def in_markdown(text: str) -> str:
    """A docstring as Markdown; sections with indented bodies stay as they are."""
    return _sections(_ROLE.sub(r"`\1`", _tables(_blocks(text))))


def _sections(text: str) -> str:
    """Each section of one line as a paragraph with its name in bold."""
    return re.sub(_ONE_LINE, r"\n**\1:** ", text)


def _blocks(text: str) -> str:
    """Indented blocks behind ``::`` as fenced ones."""
    lines, done = text.split("\n"), list[str]()
    while lines:
        line = lines.pop(0)
        if not line.endswith("::"):
            done.append(line)
            continue
        done.append(line.removesuffix("::") + ":" if line.strip() != "::" else "")
        depth = len(line) - len(line.lstrip())
        block: list[str] = []
        while lines and (not lines[0].strip() or len(lines[0]) - len(lines[0].lstrip()) > depth):
            block.append(lines.pop(0))
        code = "\n".join(block).strip("\n").split("\n")
        margin = min((len(each) - len(each.lstrip()) for each in code if each.strip()), default=0)
        indent = " " * depth
        python = any(re.match(r"\s*(from|import|def|class|@)\b", each) for each in code)
        fence = f"{indent}```"
        done += ["", f"{fence}{'python' if python else 'text'}", *(indent + each[margin:] for each in code), fence, ""]
    return "\n".join(done)


def _tables(text: str) -> str:
    """Simple tables, whose columns stand under lines of ``===``, as Markdown's."""
    lines, done, rules = text.split("\n"), list[str](), 0
    edges: list[tuple[int, int]] = []
    rows: list[list[str]] = []
    for line in lines:
        if _RULE.fullmatch(line.strip()) and "==" in line:
            rules += 1
            edges = edges or [found.span() for found in re.finditer("=+", line)]
            last = edges[-1:]
        elif edges:
            cells = [line[start:end].strip() for start, end in edges[:-1]] + [line[start:].strip() for start, _ in last]
            rows.append([cell.replace("|", "\\|") for cell in cells])
        else:
            done.append(line)
        if edges and _ends(text, rules):
            head = rows.pop(0) if rules == 3 else ["" for _ in edges]
            done += ["", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(edges), *rows)), ""]
            edges, rows, rules = [], [], 0
    return "\n".join(done)


def _ends(text: str, rules: int) -> bool:
    """Whether so many rules are all that a docstring has: two without a head, three with one."""
    return rules == sum(bool(_RULE.fullmatch(line.strip())) and "==" in line for line in text.split("\n"))
