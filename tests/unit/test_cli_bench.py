"""The runner of `make bench`: which modules it finds, what rows it takes, what it writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[1] / "bench" / "__main__.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_runner", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(name: str, value: Any = 1.5, ok: Any = True, **changes: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "s", "bar": "<= 2", "ok": ok, "note": "", **changes}


def test_a_bench_is_a_file_with_rows(bench: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("def rows():\n    return []\n")
    (tmp_path / "long.py").write_text("def soak_rows():\n    return []\n")
    (tmp_path / "helper.py").write_text("def other():\n    def rows():\n        pass\n")
    assert bench.bench_modules("rows", tmp_path) == ["short"]
    assert bench.bench_modules("soak_rows", tmp_path) == ["long"]


def test_the_wall_bench_is_found(bench: ModuleType) -> None:
    assert "wall" in bench.bench_modules("rows")


def test_true_is_one(bench: ModuleType) -> None:
    (checked,) = bench.checked([row("a", True)])
    assert checked["value"] == 1
    assert checked["value"] is not True


@pytest.mark.parametrize(
    "bad",
    [row("a", "fast"), row("a", float("nan")), row("a", None), row("a", ok=1), row("a", extra=1), {"name": "a"}],
)
def test_a_row_that_is_none_is_refused(bench: ModuleType, bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        bench.checked([bad])


def test_the_soak_adds_its_rows(bench: ModuleType) -> None:
    out = bench.merged([row("a", 1), row("b", 2)], [row("b", 3), row("c", 4)])
    assert [(r["name"], r["value"]) for r in out] == [("a", 1), ("b", 3), ("c", 4)]


def test_the_table_says_what_was_missed(bench: ModuleType) -> None:
    lines = bench.table([row("short.name", 1), row("a.much.longer.name", 12.3456, ok=False, note="why")]).splitlines()
    assert lines[1].endswith("ok")
    assert "12.35" in lines[2]
    assert lines[2].endswith("MISSED")
    assert lines[3].strip() == "why"
    assert lines[1].index("<= 2") == lines[2].index("<= 2")
