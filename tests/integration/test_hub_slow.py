"""A real hub that something holds up: its disk, or the site's store of blobs. What stands is said, the rest goes on."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import client_at, get_blob, hub_here, make_accounts, put_blob, sign_in
from helpers.hub_process import WireClient
from helpers.waiting import wait_for

from backends.hub.log import SqliteLog
from backends.hub.ports import LogTrouble
from backends.hub.shared import ALONE

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


PICTURE = b"\xff\xd8\xff" + bytes(range(256))


def test_nobodys_sign_in_waits_for_a_picture_that_the_sites_store_is_slow_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    """Not even that of the same station; the picture's answer comes when the store has it, or says that it has not."""
    make_accounts(tmp_path)
    asked, answers = threading.Event(), threading.Event()
    refuses: list[LogTrouble] = []

    def slow(*_: object) -> None:
        asked.set()
        assert answers.wait(60.0)
        for refusal in refuses:
            raise refusal

    monkeypatch.setattr(type(ALONE), "share_blob", slow)
    name = hashlib.sha256(PICTURE).hexdigest()
    head = {"request": 9, "blob": name, "media": "image/jpeg", "size": len(PICTURE), "part": 1, "parts": 1}
    with (
        hub_here(tmp_path) as ready, client_at(tmp_path, ready) as client, client_at(tmp_path, ready, "desk-2") as other
    ):  # fmt: skip
        sign_in(client, "ha")
        client.send_data("BLOBPUT", PICTURE, **head, token=client.token)
        assert asked.wait(20.0)
        assert sign_in(other, "lan")["role"] == "shift_lead"
        told = client.ask("REVEAL", request=3, what="reporter", target="PA-1", reason="gọi lại", token=client.token)
        assert (told["msg"], told["values"]["phone"]) == ("REVEALED", "0000 123 456")
        assert not client.ctl.poll(0), "control: the picture is not kept yet"
        answers.set()
        kept = client.answer()
        assert (kept["msg"], kept["part"], kept.get("code", "")) == ("BLOBKEPT", 1, "")
        assert get_blob(client, name) == (PICTURE, "image/jpeg")
        expect_logs("a blob of desk-1 cannot be kept")
        refuses.append(LogTrouble("JetStream has not answered within 30 s"))
        assert put_blob(client, PICTURE + b"2")[-1]["code"] == "not_kept"
