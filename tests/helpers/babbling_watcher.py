"""The watcher, taken over by a device: it claims things, then keeps to no agreed line. Started in its place."""

from __future__ import annotations

import os
import threading

from backends.domain.device import EventKind
from backends.domain.device_watch import MOST_TIMES, Noticed, Stood, encode
from backends.process import child_settings


def main() -> None:
    child_settings()
    for device in ("cam-999", "../../etc", "cam-014"):
        os.write(1, encode(Stood(device)) + b"\n" + encode(Noticed(device, EventKind.TAMPER, True, MOST_TIMES)) + b"\n")
    os.write(1, b'{"type":"noticed","device":"cam-014","kind":"motion","active":true,"age_s":1e300}\n' * 2)
    threading.Event().wait(600)


if __name__ == "__main__":
    main()
