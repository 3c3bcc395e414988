"""docs/protocol/transcripts: every line decodes strictly, and the reference hub answers like that."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from helpers.transcript_calls import SCENES
from helpers.transcripts import FOLDER, Replay, read

from backends.domain.feeds import FEEDS
from backends.protocol.codec import (
    BadMessage,
    decode_body,
    decode_envelope,
    decode_from_console,
    decode_from_hub,
    decode_heartbeat,
)
from backends.protocol.messages import Batch, FromConsole, FromHub, Heartbeat, Snap

PATHS = sorted(FOLDER.glob("*.jsonl"))


def test_every_scene_has_its_transcript() -> None:
    assert {path.stem for path in PATHS} == set(SCENES), "python -m helpers.transcripts"
    assert len(PATHS) >= 40


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_line_decodes_with_its_bodies(path: Path) -> None:
    first, *lines = read(path)
    assert (first["from"], first["do"]) == ("world", "begin")
    assert first["note"]
    for line in lines:
        if line["from"] == "world":
            assert line["do"] in ("stop", "start")
            continue
        if "text" in line and "later" not in line["text"]:
            with pytest.raises(BadMessage):
                decode_from_console(line["text"].encode())
            continue
        raw = line["text"].encode() if "text" in line else json.dumps(line["message"]).encode()
        if line["from"] == "console":
            decode_from_console(raw)
            continue
        if line["from"] == "live":
            message = decode_heartbeat(raw) if "heads" in line["message"] else decode_envelope(raw)
        else:
            message = decode_from_hub(raw)
        if not isinstance(message, Heartbeat):
            for envelope in getattr(message, "items", ()) if isinstance(message, Batch | Snap) else ():
                assert envelope.type == "del" or decode_body(envelope.feed, envelope.body)
        if "bytes" in line:
            assert base64.b64decode(line["bytes"], validate=True)


def test_every_message_of_the_protocol_is_shown() -> None:
    shown = {line["message"].get("msg") for path in PATHS for line in read(path) if "message" in line}
    tags = {kind.__struct_config__.tag for kind in (*FromConsole.__args__, *FromHub.__args__)}
    assert tags <= shown
    feeds = {line["message"].get("feed") for path in PATHS for line in read(path) if "message" in line}
    assert {"alarms", "timeline", "samples", "sensors", "roster"} <= feeds & set(FEEDS)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_reference_hub_answers_like_that(path: Path, tmp_path: Path) -> None:
    lines = read(path)
    assert Replay(lines).run(tmp_path) == sum(line["from"] in ("hub", "live") for line in lines) > 0


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [("action-duplicate", "stage", "applied"), ("reset-ahead", "reason", "epoch"), ("foreign-mode", "code", "key")],
)
def test_another_answer_than_the_transcript_is_seen(name: str, field: str, value: str, tmp_path: Path) -> None:
    """The negative control: a transcript that says something else."""
    lines = read(FOLDER / f"{name}.jsonl")
    for line in lines:
        if line["from"] == "hub" and field in line["message"]:
            line["message"][field] = value
    with pytest.raises(AssertionError, match=f"{field}: "):
        Replay(lines).run(tmp_path)
