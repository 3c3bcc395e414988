"""Link and store as threads of the caller's own process, behind the same face as FeedClient.

For tests, and for the measurement that decided the process split (docs/decisions/).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from backends.domain.access import AccountWish
from backends.domain.action import Verb
from backends.domain.ports import Changes, Delivery
from backends.domain.times import HubClock
from backends.domain.turning import TurnWish
from console.feed_core import FeedCore
from console.feed_exchange import Out, OutChanges
from console.feed_settings import FeedSettings
from console.feed_wire import AuditKept, ClickKept, ClickRefused, decode_record


class LocalFeed:
    """Inbox, ActionDesk, AccessDesk and HistoryDesk on one FeedCore. `drain` belongs to one thread."""

    def __init__(self, settings: FeedSettings, clock: HubClock | None = None) -> None:
        self.core = FeedCore(settings, clock)
        self._numbers = itertools.count(1)
        self._left: list[Delivery] = []

    def start(self) -> None:
        """Raises what FeedCore.start raises."""
        self.core.start()
        self._outlet = self.core.exchange.attach(lambda: None, {})

    def stop(self) -> None:
        self.core.stop()

    def drain(self, limit: int = 5000) -> list[Delivery]:
        """See ports.Inbox."""
        taken = self.core.exchange.take(self._outlet, time.monotonic())
        self._left.extend(d for d in map(_typed, taken) if d is not None)
        out, self._left = self._left[:limit], self._left[limit:]
        return out

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int, args: dict[str, str] | None = None,
        pictures: Sequence[bytes] = (),
    ) -> str:  # fmt: skip
        """See ports.ActionDesk."""
        return self.core.clicks.submit(verb, feed, target, expect_state_rev, args, pictures=pictures)

    def sign_in(self, person: str, secret: str) -> int:
        """See ports.AccessDesk."""
        number = next(self._numbers)
        self.core.access.sign_in(number, person, secret, self._send)
        return number

    def sign_out(self) -> int:
        """See ports.AccessDesk."""
        number = next(self._numbers)
        self.core.access.sign_out(number, self._send)
        return number

    def lock(self) -> None:
        """See ports.AccessDesk."""
        self.core.access.lock()

    def reveal(self, what: str, target: str, reason: str) -> int:
        """See ports.AccessDesk."""
        number = next(self._numbers)
        self.core.access.reveal(number, what, target, reason, self._send)
        return number

    def accounts(self, wish: AccountWish) -> int:
        """See ports.AccessDesk."""
        number = next(self._numbers)
        self.core.access.manage(number, wish, self._send)
        return number

    def confide(self, target: str, values: dict[str, str]) -> int:
        """See ports.AccessDesk."""
        number = next(self._numbers)
        self.core.access.confide(number, target, values, self._send)
        return number

    def turn(self, wish: TurnWish) -> None:
        """See ports.TurnDesk."""
        self.core.turning.ask(id(self), wish)

    def _send(self, out: Out) -> None:
        self.core.exchange.send(self._outlet, out)

    def want(self, blobs: tuple[str, ...]) -> None:
        """See ports.SmallPictureDesk."""
        self.core.small.want(0, blobs, self._send)

    def want_pictures(self, blobs: tuple[str, ...]) -> None:
        """See ports.PictureDesk."""
        self.core.large.want(0, blobs, self._send)

    def request(self, series: str, t0_ns: int, t1_ns: int, max_points: int) -> int:
        """See ports.HistoryDesk."""
        number = next(self._numbers)
        self.core.history.ask(
            number, series, t0_ns, t1_ns, max_points, lambda part: self.core.exchange.send(self._outlet, part)
        )
        return number

    def ask_figures(self, t0_ns: int, t1_ns: int) -> int:
        """See ports.FiguresDesk."""
        number = next(self._numbers)
        self.core.figures.ask(id(self), number, t0_ns, t1_ns, self._send)
        return number


def _typed(out: Out) -> Delivery | None:
    if isinstance(out, OutChanges):
        records = tuple(body if body is not None else decode_record(out.feed, raw) for raw, body in out.items)
        return Changes(out.feed, records, out.deleted, out.reset, out.stored)
    if isinstance(out, ClickKept | ClickRefused | AuditKept):
        return None
    return out
