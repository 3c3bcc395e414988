"""A listener that remembers, and records to feed a store with."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from helpers.fake_hub import alarm

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.record import Record, Snapshot
from backends.protocol.codec import encode
from backends.store.ops import Op, PutRecords, PutSnapshot, PutStage


class Heard:
    """What a store said."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.commits: list[tuple[list[Op], bool]] = []
        self.holes: list[str] = []
        self.troubles: list[tuple[str, str]] = []
        self.emptied = 0

    def on_commit(self, ops: Sequence[Op], stored: bool) -> None:
        with self.lock:
            self.commits.append((list(ops), stored))

    def on_hole(self, feed: str) -> None:
        self.holes.append(feed)

    def on_trouble(self, code: str, text: str) -> None:
        self.troubles.append((code, text))

    def on_emptied(self) -> None:
        self.emptied += 1

    def seqs(self, feed: str = "alarms", stored: bool = True) -> list[int]:
        with self.lock:
            return [
                r.seq
                for ops, kept in self.commits
                for op in ops
                if isinstance(op, PutRecords) and op.feed == feed and kept is stored
                for r in op.records
            ]


def record(seq: int, feed: str = "alarms", key: str = "", kind: str = "put", epoch: str = "e") -> Record:
    return Record(feed, epoch, seq, kind, key or f"a{seq}", 1, "", seq, seq, encode(alarm(seq)))


def snapshot(seq: int, feed: str = "alarms", epoch: str = "e") -> PutSnapshot:
    return PutSnapshot(Snapshot(feed, epoch, seq, tuple(record(n, feed) for n in range(1, seq + 1))))


def click(aid: str, stage: Stage = Stage.QUEUED, cseq: int = 1) -> PutStage:
    return PutStage(ActionStatus(Action(aid, Verb.CLAIM, "alarms", "a1", 1, 5, cseq=cseq), stage), "desk-1", "op")
