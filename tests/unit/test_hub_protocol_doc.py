"""docs/protocol.md is right to the letter: its examples decode, and its lists are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backends.domain.action import Verb
from backends.domain.feeds import FEEDS, Mode
from backends.domain.sensor import Sample
from backends.protocol.codec import (
    decode_body,
    decode_envelope,
    decode_from_console,
    decode_from_hub,
    decode_heartbeat,
)
from backends.protocol.messages import Batch, FromConsole, FromHub, Snap

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json (\w+)\n(.*?)```", TEXT, re.DOTALL)
DECODERS: dict[str, Any] = {
    "envelope": decode_envelope,
    "heartbeat": decode_heartbeat,
    "from_console": decode_from_console,
    "from_hub": decode_from_hub,
}


@pytest.mark.parametrize(("kind", "raw"), EXAMPLES)
def test_examples_decode_with_their_bodies(kind: str, raw: str) -> None:
    message = DECODERS[kind](raw.encode())
    given = set(msgspec.json.decode(raw)) - {"msg"}
    assert given <= set(message.__struct_fields__), "a field that the message does not have"
    envelopes = message.items if isinstance(message, Batch | Snap) else [message] if kind == "envelope" else []
    for envelope in envelopes:
        body = decode_body(envelope.feed, envelope.body)
        known = msgspec.to_builtins(body)
        assert set(msgspec.json.decode(bytes(envelope.body))) <= set(known) | set(body.__struct_fields__)


def test_every_message_has_an_example() -> None:
    shown = {msgspec.json.decode(raw)["msg"] for kind, raw in EXAMPLES if kind.startswith("from")}
    tags = {kind.__struct_config__.tag for kind in (*FromConsole.__args__, *FromHub.__args__)}
    assert shown == tags
    assert {kind for kind, _ in EXAMPLES} == set(DECODERS)


@pytest.mark.parametrize("name", [*FEEDS, *Mode, *Verb])
def test_feeds_modes_and_verbs_are_named(name: str) -> None:
    assert f"`{name}`" in TEXT


def test_samples_are_written_as_the_text_says() -> None:
    assert msgspec.json.encode(Sample("s", 1, None, "fault")) == b'["s",1,null,"fault"]'
