"""A broker with its real worker processes and a client, for tests; and waiting with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.video.broker import BrokerSettings, Credentials, PictureBroker
from backends.video.client import PictureClient

_tick = threading.Event()  # never set: its wait is a pause that a deadline bounds


def until(condition: Callable[[], object], seconds: float = 15.0, what: str | Callable[[], str] = "") -> None:
    """Wait for the condition; fail with `what` (called then, so that it tells the state at the end) at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            words = what() if callable(what) else what
            raise AssertionError(f"not within {seconds:g} s: {words or condition}")
        _tick.wait(0.01)


class Rig:
    """`broker` and `client`, and what tests ask of them."""

    def __init__(self, broker: PictureBroker, client: PictureClient) -> None:
        self.broker, self.client = broker, client

    def show(self, *demands: Demand) -> None:
        self.client.demand(frozenset(demands))

    def status(self, demand: Demand) -> PictureStatus:
        return self.client.status(demand)

    def until_state(self, demand: Demand, state: PictureState, seconds: float = 15.0) -> PictureStatus:
        until(
            lambda: self.status(demand).state is state,
            seconds,
            lambda: f"{demand.uri} {state}, is {self.status(demand)}",
        )
        return self.status(demand)

    def until_moving(self, demand: Demand, seconds: float = 15.0, frames: int = 3) -> None:
        until(lambda: self.client.sequence(demand), seconds, lambda: f"{demand.uri} shows, is {self.status(demand)}")
        before = self.client.sequence(demand)
        until(
            lambda: self.client.sequence(demand) >= before + frames,
            seconds,
            lambda: f"{demand.uri} moves, is {self.status(demand)}",
        )

    def copy(self, demand: Demand) -> np.ndarray:
        with self.client.pin(demand) as picture:
            assert picture is not None
            return picture.bgra()[:, : picture.width].copy()


@contextmanager
def rig(settings: BrokerSettings | None = None, credentials: Mapping[str, Credentials] | None = None) -> Iterator[Rig]:
    """A running rig; afterwards no worker and no shared memory of it is left."""
    broker = PictureBroker(settings or BrokerSettings(workers=1), credentials)
    broker.start()
    client = PictureClient(broker.address, broker.authkey)
    try:
        yield Rig(broker, client)
    finally:
        client.close()
        broker.stop()
