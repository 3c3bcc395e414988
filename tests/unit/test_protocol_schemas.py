"""docs/protocol/schemas is what the code says, and says enough: every message, field and word of the protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from backends.domain.feeds import FEEDS
from backends.protocol.messages import Envelope, FromConsole, FromHub, Heartbeat
from backends.protocol.schemas import DIALECT, schemas

FOLDER = Path(__file__).parents[2] / "docs" / "protocol" / "schemas"
FILES = sorted(path.name for path in FOLDER.glob("*"))
"""Not from the schemas themselves: to make them takes most of a second, in every process that collects tests."""


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return schemas()


def test_the_files_are_those_of_the_code(made: dict[str, Any]) -> None:
    assert set(FILES) == set(made), "run scripts/make_schemas.py"


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_the_code_says(name: str, made: dict[str, Any]) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == json.dumps(made[name], indent=1, ensure_ascii=False) + "\n", "run scripts/make_schemas.py"


def test_every_message_and_every_feed_has_one(made: dict[str, Any]) -> None:
    tags = {kind.__struct_config__.tag for union in (FromConsole, FromHub) for kind in get_args(union)}
    assert set(made) == {f"{tag}.json" for tag in tags} | {f"feed-{f}.json" for f in FEEDS} | {
        "envelope.json", "heartbeat.json",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [*get_args(FromConsole), *get_args(FromHub), Envelope, Heartbeat])
def test_fields_and_what_may_be_left_out_are_those_of_the_type(kind: Any, made: dict[str, Any]) -> None:
    tag = kind.__struct_config__.tag
    name = f"{tag}.json" if tag else f"{kind.__name__.lower()}.json"
    schema = made[name]["$defs"][kind.__name__]
    fields = {f.name: f.required for f in msgspec.structs.fields(kind)}
    assert set(schema["properties"]) == set(fields) | ({"msg"} if tag else set())
    assert set(schema["required"]) == {n for n, required in fields.items() if required} | ({"msg"} if tag else set())


def test_docstrings_of_fields_integers_and_references_are_there(made: dict[str, Any]) -> None:
    assert made["SNAPGET.json"]["$schema"] == DIALECT
    history = made["HISTORY.json"]["$defs"]["History"]
    assert history["description"].startswith("Console: a series over a range")
    assert history["properties"]["t0"]["maximum"] == (1 << 63) - 1
    assert made["heartbeat.json"]["$defs"]["FeedHead"]["properties"]["oldest"]["description"].startswith("First seq")
    assert "acknowledges" in made["ACT.json"]["$defs"]["Verb"]["description"]
    known = set(made) | {""}

    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            here = {part["$ref"].split("#")[0]} if "$ref" in part else set()
            return here.union(*(references(inner) for inner in part.values()))
        return set().union(*(references(inner) for inner in part)) if isinstance(part, list) else set()

    assert set().union(*(references(schema) for schema in made.values())) <= known
