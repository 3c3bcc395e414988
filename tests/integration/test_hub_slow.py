"""A real hub whose disk is slow: what its loop stands in is said in its log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import client_at, hub_here
from helpers.hub_process import WireClient
from helpers.waiting import wait_for

from backends.hub.log import SqliteLog

SLOW_S, STUCK_S = 0.3, 0.6


def act(client: WireClient) -> None:
    client.act("slow", "comment", "fire", args={"text": "x"})


@pytest.mark.parametrize(
    ("stage", "name", "of", "cause"),
    [
        ("round and commit", "commit", lambda more: more.get("action") is None, None),
        ("requests", "commit", lambda more: more.get("action") is not None, act),
        ("house-keeping", "maintain", lambda _: True, None),
    ],
)
def test_a_stuck_disk_is_said_with_the_stage_of_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs,
    stage: str, name: str, of: Callable[[dict[str, Any]], bool], cause: Callable[[WireClient], None] | None,
) -> None:  # fmt: skip
    expect_logs(f"the hub's loop stood for .* s: {stage}")
    expect_logs("the hub's loop stood")  # elsewhere too, on a loaded machine
    real = getattr(SqliteLog, name)
    stuck = threading.Event()

    def slow(self: SqliteLog, *args: Any, **more: Any) -> Any:
        if stuck.is_set() and of(more):
            stuck.clear()
            threading.Event().wait(STUCK_S)
        return real(self, *args, **more)

    monkeypatch.setattr(SqliteLog, name, slow)
    with hub_here(tmp_path, sign_in="seat", slow_s=SLOW_S) as ready, client_at(tmp_path, ready) as client:
        client.hello()
        stuck.set()
        if cause is not None:
            cause(client)
        wait_for("it is said", lambda: f": {stage} " in caplog.text)
