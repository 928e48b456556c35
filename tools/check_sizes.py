"""Checks sizes: a file has at most 400 lines and a function at most 40. There are no exemptions.

The docstring and the decorators of a function do not count. A nested function also counts in the outer one.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FILE_MAX_LINES = 400
FUNCTION_MAX_LINES = 40


def check_source(source: str, name: str) -> Iterator[str]:
    """Yields a message for each file or function that is too long. `name` is the file's name."""
    line_count = len(source.splitlines())
    if line_count > FILE_MAX_LINES:
        yield f"{name}: {line_count} lines, at most {FILE_MAX_LINES}"
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = function_lines(node)
            if size > FUNCTION_MAX_LINES:
                yield f"{name}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION_MAX_LINES}"


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Returns the number of lines from `def` to the end, without the docstring."""
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is None:
        return whole
    docstring = node.body[0]
    return whole - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def _python_files(roots: Sequence[Path]) -> list[Path]:
    return sorted(path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py")))


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 1 if a file or function is too long, or if there are no files."""
    files = _python_files([Path(argument) for argument in arguments])
    if not files:
        print(f"error: no Python file under {' '.join(arguments) or 'nothing'}", file=sys.stderr)
        return 1
    findings = [line for path in files for line in check_source(path.read_text(encoding="utf-8"), str(path))]
    for line in findings:
        print(line)
    print(f"sizes: {len(files)} files, {len(findings)} too long" if findings else f"sizes: {len(files)} files, all fit")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
