"""A hub's copy of the replicated log after its machine stopped: what the next term must know."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from conftest import ExpectLogs

from backends.domain.feeds import Mode
from backends.hub.replica import LOST_TAIL, Replica
from backends.hub.replica_wire import Entry


def copy_of(path: Path, *, clean: bool) -> Replica:
    """A copy that has read one message of its log, and was left in that way."""
    made = Replica(path, Mode.TEST, "log-1")
    made.apply(Entry("term", 1, "A/1", "id-1", made.heads()), 7)
    if clean:
        made.close()
    else:
        made._db.close()
    return made


@pytest.mark.parametrize(
    ("clean", "booted_s", "lost"), [(False, 3600, "1"), (False, 0, ""), (True, 3600, "")], ids=["power", "kill", "stop"]
)
def test_a_copy_whose_machine_lost_power_asks_for_new_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs, clean: bool, booted_s: int, lost: str
) -> None:
    if lost:
        expect_logs("stopped without warning")
    before = copy_of(tmp_path / "hub.db", clean=clean).heads()
    boot_s = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_s + booted_s)
    again = Replica(tmp_path / "hub.db", Mode.TEST, "log-1")
    assert again.meta(LOST_TAIL) == lost
    assert {f: h.epoch for f, h in again.heads().items()} == {f: h.epoch for f, h in before.items()}, "only a term does"
    again._db.close()
    third = Replica(tmp_path / "hub.db", Mode.TEST, "log-1")
    assert third.meta(LOST_TAIL) == lost, "kept until the term has begun"
    third.close()
