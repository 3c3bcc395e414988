"""The block meter's figures, read from a console's JSON log: for tests, and for benches that run the real GUI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

LONG_MS = 250.0


@dataclass(frozen=True)
class Block:
    """One interval between two passes of the GUI's loop, beyond 100 ms."""

    t_ns: int
    """When it ended, UTC."""
    ms: float
    stack: tuple[str, ...]
    """Innermost call first; empty where nobody could look."""


@dataclass(frozen=True)
class Blocks:
    """What was seen in a part of a run."""

    blocks: tuple[Block, ...]
    told: tuple[int, int, int] | None
    """(over 100 ms, over 250 ms, worst in ms) as the meter told them when it stopped; of its whole life."""

    @property
    def over_100ms(self) -> int:
        return len(self.blocks)

    @property
    def over_250ms(self) -> int:
        return sum(block.ms > LONG_MS for block in self.blocks)

    @property
    def worst_ms(self) -> float:
        return max((block.ms for block in self.blocks), default=0.0)

    def worst_calls(self) -> str:
        """The innermost calls of the longest block, for a note."""
        longest = max(self.blocks, key=lambda block: block.ms, default=None)
        return " < ".join(longest.stack[:3]) if longest is not None else ""


def read_blocks(log: Path, from_ns: int = 0, until_ns: int = 1 << 63) -> Blocks:
    """From events `gui_block` and `gui_blocks` of a `--json-log` file, those that ended within [from, until)."""
    blocks: list[Block] = []
    told: tuple[int, int, int] | None = None
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        if '"gui_block' not in line or not line.endswith("}"):
            continue
        event = json.loads(line)
        if event["event"] == "gui_block" and from_ns <= event["t"] < until_ns:
            blocks.append(Block(event["t"], float(event["ms"]), tuple(event["stack"])))
        elif event["event"] == "gui_blocks":
            told = (event["over_100ms"], event["over_250ms"], event["worst_ms"])
    return Blocks(tuple(blocks), told)
