"""A screen without windows that turns a camera until somebody kills it: for tests of what its death leaves behind.

`python -m helpers.turning_screen`, started through backends.process with address, authkey (hex), camera.
"""

from __future__ import annotations

import os
import time

from backends.domain.access import Grant
from backends.domain.turning import TurnAct, TurnWish
from backends.process import child_settings
from console.feed_client import FeedClient


def main() -> None:
    settings = child_settings(lambda: os._exit(0))
    client = FeedClient(settings["address"], bytes.fromhex(settings["authkey"]))
    client.start()
    while not any(isinstance(one, Grant) and one.operator_id for one in client.drain()):
        time.sleep(0.02)
    client.turn(TurnWish(settings["camera"], TurnAct.TAKE))
    while True:
        client.turn(TurnWish(settings["camera"], TurnAct.MOVE, pan=1.0))
        client.drain()
        time.sleep(0.3)


if __name__ == "__main__":
    main()
