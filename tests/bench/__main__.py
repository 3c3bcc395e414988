"""`make bench` and `make soak`: runs the bench modules, prints a table, writes build/bench.json.

A bench is a module of this folder with `rows()` (short; together under 15 minutes) or `soak_rows()` (hours,
kills), found here by that name. Each runs in a process of its own, so that none warms up for another. Rows are
{"name", "value", "unit", "bar", "ok", "note"}; the soak adds its rows to the same file.

    python -m tests.bench [--soak] [--list] [MODULE...]
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULT = ROOT / "build" / "bench.json"
FIELDS = ("name", "value", "unit", "bar", "ok", "note")
LIMIT_S = {"rows": 900.0, "soak_rows": 6 * 3600.0}


def bench_modules(function: str, folder: Path = HERE) -> list[str]:
    """Names of the modules of `folder` that define `function`, in order of name."""
    found = []
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name != "__main__.py" and any(
            isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body
        ):
            found.append(path.stem)
    return found


def checked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with exactly the fields, values as numbers (true = 1). Raises ValueError."""
    out = []
    for row in rows:
        if set(row) != set(FIELDS):
            raise ValueError(f"a row has the fields {', '.join(FIELDS)}, this one {', '.join(row)}")
        value = row["value"]
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{row['name']}: the value {value!r} is no number")
        if not isinstance(row["ok"], bool):
            raise ValueError(f"{row['name']}: ok must be true or false")
        out.append(
            {field: row[field] for field in FIELDS}
            | {"value": int(value) if value is True or value is False else value}
        )
    return out


def merged(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`old` with the rows of `new` in their places, further ones at the end."""
    by_name = {row["name"]: row for row in new}
    kept = [by_name.pop(row["name"], row) for row in old]
    return kept + list(by_name.values())


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows, aligned, with their notes below each."""
    shown = [(r["name"], f"{r['value']:.4g}", r["unit"], str(r["bar"]), "ok" if r["ok"] else "MISSED") for r in rows]
    head = ("name", "value", "unit", "bar", "")
    widths = [max(len(line[i]) for line in (head, *shown)) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)).rstrip()]
    for row, cells in zip(rows, shown, strict=True):
        aligned = [c.rjust(w) if i == 1 else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        lines.append("  ".join(aligned).rstrip())
        if row["note"]:
            lines.append(f"    {row['note']}")
    return "\n".join(lines)


def run_module(name: str, function: str) -> list[dict[str, Any]] | str:
    """The rows of one bench, measured in a fresh process; a sentence when it failed."""
    command = [sys.executable, "-m", "tests.bench", "--only", name, function]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=LIMIT_S[function], check=False)
    except subprocess.TimeoutExpired:
        return f"{name}: not done within {LIMIT_S[function]:.0f} s"
    if done.returncode != 0:
        return f"{name}: ended with status {done.returncode}"
    try:
        return checked(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError) as error:
        return f"{name}: {error}"


def only(name: str, function: str) -> int:
    """In the fresh process: measure, and print the rows as the last line of stdout."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(HERE)]
    rows = getattr(importlib.import_module(name), function)()
    sys.stdout.write("\n" + json.dumps(rows, ensure_ascii=False) + "\n")
    return 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Takes the figures of the console.")
    parser.add_argument("--soak", action="store_true", help="the long ones")
    parser.add_argument("--list", action="store_true", help="name the modules and leave")
    parser.add_argument("--only", nargs=2, metavar=("MODULE", "FUNCTION"), help=argparse.SUPPRESS)
    parser.add_argument("modules", nargs="*", help="only these")
    asked = parser.parse_args(arguments)
    if asked.only:
        return only(*asked.only)
    function = "soak_rows" if asked.soak else "rows"
    known = bench_modules(function)
    unknown = [name for name in asked.modules if name not in known]
    if unknown:
        parser.error(f"there is no bench {unknown[0]}; known: {', '.join(known)}")
    if asked.list:
        sys.stdout.write("\n".join(known) + "\n")
        return 0
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for name in asked.modules or known:
        started = time.monotonic()
        result = run_module(name, function)
        if isinstance(result, str):
            failures.append(result)
        else:
            rows += result
        sys.stderr.write(f"bench: {name} took {time.monotonic() - started:.0f} s\n")
    names = [row["name"] for row in rows]
    failures += [f"{name}: two benches give this row" for name in sorted({n for n in names if names.count(n) > 1})]
    # A whole short run starts the file anew; a part of it, or the soak, adds to what is there.
    adds = asked.soak or bool(asked.modules)
    old = json.loads(RESULT.read_text(encoding="utf-8")) if adds and RESULT.exists() else []
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(merged(old, rows), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(rows) + "\n")
    for failure in failures:
        sys.stdout.write(f"FAILED {failure}\n")
    return 0 if not failures and all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
