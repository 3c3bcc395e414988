"""A supervisor in a process of its own, to be killed: `python -m helpers.tiny_supervisor DIR NAME...`."""

from __future__ import annotations

import sys
from pathlib import Path

from console.events import EventLog
from console.supervisor import ChildSpec, Supervisor


def main() -> int:
    folder = Path(sys.argv[1])
    children = [
        ChildSpec(name, "helpers.tiny_children", lambda name=name: {"file": str(folder / f"{name}.pids")})
        for name in sys.argv[2:]
    ]
    return Supervisor(children, EventLog(folder / "log.jsonl", "supervisor"), folder / "status.json").run()


if __name__ == "__main__":
    sys.exit(main())
