"""A child that writes to a store as fast as it can and copies it all the while, until it is killed.

argv: FOLDER FIRST. Prints "stored SEQ" after each commit that was told, "backup N" after each copy. FIRST is the next
position of the feed. `--lax` as third argument removes a guard (told before it is committed): the negative control.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from helpers.store_rig import Heard, click, record, snapshot

from backends.store.backup import make_backup
from backends.store.ops import Op, PutAudit, PutRecords
from backends.store.schema import OPS_FILE
from backends.store.store import Store


class Teller(Heard):
    def __init__(self) -> None:
        super().__init__()
        self.room = threading.Semaphore(20)

    def on_commit(self, ops: Sequence[Op], stored: bool) -> None:
        for op in ops:
            if isinstance(op, PutRecords) and stored:
                if "--lax" not in sys.argv:
                    say(f"stored {op.records[-1].seq}")
                for _ in op.records:
                    self.room.release()


_lock = threading.Lock()


def say(line: str) -> None:
    with _lock:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> None:
    folder, seq = Path(sys.argv[1]), int(sys.argv[2])
    teller = Teller()
    store = Store(folder, "demo", teller)
    store.open()
    if teller.troubles:
        say(f"trouble {teller.troubles}")
    store.start()
    if seq == 1:
        store.put([snapshot(0)])

    def copy() -> None:
        while True:
            say(f"backup {make_backup(folder / OPS_FILE).number}")

    threading.Thread(target=copy, daemon=True).start()
    say("ready")
    while True:
        teller.room.acquire()
        action = click(f"u{seq}", cseq=seq)
        store.keep_action(action.status.action, "op")
        if "--lax" in sys.argv:
            say(f"stored {seq}")
        store.put([PutRecords([record(seq)]), action, PutAudit(seq, "view_camera", "op")])
        seq += 1


if __name__ == "__main__":
    main()
