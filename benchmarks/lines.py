"""How much code the second domain took: lines without blanks, comments and docstrings.

Prints each file's lines and their sum; ends with exit code 1 where the sum is above the claim.
"""

import ast
import io
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("datasets/shapes.toml", "datasets/shapes.py", "nmn/cli/evaluate_shapes.py")
MOST = 250
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            told.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - told)


def main() -> int:
    counted = {name: code_lines(ROOT / name) for name in FILES}
    for name, count in counted.items():
        print(f"{count:5}  {name}")
    print(f"{sum(counted.values()):5}  in all, of {MOST} at most")
    return int(sum(counted.values()) > MOST)


if __name__ == "__main__":
    sys.exit(main())
