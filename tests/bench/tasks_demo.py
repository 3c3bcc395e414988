"""`ioc-console demo` whose windows have a hand at their keyboard: for the task bench only."""

from __future__ import annotations

from typing import Any

from console import cli, demo
from console.supervisor import ChildSpec


def _spec(name: str, module: str, *args: Any, **more: Any) -> ChildSpec:
    return ChildSpec(name, "tasks_gui" if module == "console.gui" else module, *args, **more)


demo.ChildSpec = _spec  # type: ignore[assignment, misc]

if __name__ == "__main__":
    cli.main()
