#!/usr/bin/env python3
"""Write docs/protocol/schemas anew from the code: `python scripts/make_schemas.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from backends.protocol.schemas import schemas  # noqa: E402  # the repository's root is on the path only now


def main() -> None:
    folder = ROOT / "docs" / "protocol" / "schemas"
    folder.mkdir(parents=True, exist_ok=True)
    made = schemas()
    for old in folder.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, schema in made.items():
        (folder / name).write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
