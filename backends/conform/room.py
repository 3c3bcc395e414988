"""What the checks share: where the backend is, who is signed in, and how to make something happen there.

Traffic is made by comments: the one action that every backend has, that takes nothing away, and whose effect is
exactly one record on the feed `timeline`, marked with the action's id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import zmq

from backends.conform.wire import Context, Failed, Patience, Peer, Place, Skipped
from backends.domain.action import Action, Stage, Verb, new_aid
from backends.domain.alarm import Alarm
from backends.domain.feeds import FEEDS
from backends.protocol.codec import decode_body
from backends.protocol.messages import Envelope, FeedHead, Signed, SignIn, SignOut, Welcome

ACTED_ON = ("alarms", "incidents", "reports", "cameras")
"""Feeds whose items may be commented on."""
ALARM_S = 3.0
"""So long a check waits for an alarm: a city that raises one now and then may be between two."""
Restart = Callable[[], None]


@dataclass
class Desk:
    """A station, and who is to sit there; `person` empty: whom the backend seats."""

    place: Place
    person: str = ""
    secret: str = ""
    token: str = ""
    """Of the session, once there is one."""


class Room:
    """One backend under test. Context manager; one thread."""

    def __init__(
        self,
        place: Place,
        *,
        restart: Restart | None = None,
        person: str = "",
        secret: str = "",
        other: Desk | None = None,
        admin: Desk | None = None,
    ) -> None:
        """`other`: a second station, with another person. `admin`: who may change accounts and settings."""
        self.place = place
        self.restart = restart
        self._desk = Desk(place, person, secret)
        self._other = other
        self._admin = admin
        self.absent: dict[str, str] = {}
        """Message that the backend does without -> by what it was told."""
        self._target: tuple[str, str] | None = None
        self._calm = False
        """It was waited for an alarm in vain: not once more."""
        self.context: Context = zmq.Context()

    def close(self) -> None:
        self.context.destroy(linger=0)

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def peer(self, *, live: bool = False) -> Iterator[Peer]:
        """A new connection that has said nothing yet; with `live`, one to which heartbeats come already."""
        if live and not self.place.live:
            raise Skipped("no LIVE address is given: --live ADDRESS")
        with Peer(self.context, self.place, live=live, token=self._desk.token) as peer:
            if live:
                peer.beat()
            yield peer

    @contextmanager
    def joined(self, *, live: bool = False) -> Iterator[tuple[Peer, Welcome]]:
        """A connection that has joined."""
        with self.peer(live=live) as peer:
            yield peer, peer.hello()

    @property
    def first(self) -> Desk:
        """The first station, and who is to sit there."""
        return self._desk

    @contextmanager
    def acting(self, *, live: bool = False) -> Iterator[tuple[Peer, Welcome]]:
        """A connection that has joined and may act. Raises Skipped when nobody is signed in there."""
        with self.joined(live=live) as (peer, welcome):
            yield peer, _seated(peer, self._desk, welcome)

    @contextmanager
    def beside(self, *, acting: bool) -> Iterator[tuple[Peer, Welcome]]:
        """The second station, joined; with `acting` another person may act there. Raises Skipped without one."""
        if self._other is None:
            raise Skipped("nobody at a second station: --other-key FILE, and --other-person ID where people sign in")
        with Peer(self.context, self._other.place, token=self._other.token) as peer:
            welcome = peer.hello()
            yield peer, _seated(peer, self._other, welcome) if acting else welcome

    @contextmanager
    def managing(self) -> Iterator[tuple[Peer, Welcome]]:
        """The administrator, who is signed out again: whoever sits at that station is shown there. Raises Skipped
        without one."""
        if self._admin is None:
            raise Skipped("nobody who may change accounts and settings: --admin-person ID")
        with Peer(self.context, self._admin.place) as peer:
            try:
                yield peer, _seated(peer, self._admin, peer.hello())
            finally:
                token, self._admin.token = self._admin.token, ""
                if token:
                    peer.answers(SignOut(1, token), Signed)

    # --- things to act on ------------------------------------------------------------------------

    def items(self, peer: Peer, feed: str) -> dict[str, Envelope]:
        """The items of a feed as of now."""
        return {envelope.id: envelope for part in peer.snapshot(feed) for envelope in part.items}

    def target(self, peer: Peer) -> tuple[str, str]:
        """(feed, id) of something that may be commented on. Raises Skipped."""
        if self._target is None:
            for feed in ACTED_ON:
                for id_ in self.items(peer, feed):
                    self._target = feed, id_
                    return self._target
            raise Skipped(f"nothing to comment on: provide an item of {', '.join(ACTED_ON)}")
        return self._target

    def open_alarm(self, peer: Peer, why: str) -> Alarm:
        """An alarm that asks for an acknowledgement; waits for one where checks before have taken all. Raises
        Skipped."""
        patience = Patience(ALARM_S)
        while True:
            alarms: list[Alarm] = [decode_body("alarms", one.body) for one in self.items(peer, "alarms").values()]
            # Of what latches or is over soon the checks of other verbs have need.
            for alarm in sorted(alarms, key=lambda one: not one.active):
                if alarm.unacknowledged and not alarm.holder_id:
                    return alarm
            slice_s = 0.0 if self._calm else patience.slice_s()
            if not slice_s:
                self._calm = True
                raise Skipped(f"no unacknowledged alarm to {why}: provide one")
            peer.receive(slice_s)

    # --- actions ---------------------------------------------------------------------------------

    def comment(self, peer: Peer, text: str = "conform") -> Action:
        """A comment that was not sent yet."""
        feed, id_ = self.target(peer)
        return Action(new_aid(), Verb.COMMENT, feed, id_, 0, peer_now(peer), args={"text": text})

    @staticmethod
    def comment_like(action: Action, text: str) -> Action:
        """Another comment on the same thing, without asking the backend for anything."""
        return msgspec.structs.replace(action, aid=new_aid(), args={"text": text})

    def say(self, peer: Peer, text: str = "conform") -> Action:
        """A comment that took effect. Raises Failed."""
        action = self.comment(peer, text)
        last = peer.act(action)[-1]
        if last.stage != Stage.APPLIED.value:
            raise Failed(f"a comment ended as {last.stage} {last.code}, not applied")
        return action

    def effects(self, peer: Peer, since: FeedHead, aid: str) -> list[Envelope]:
        """Records on `timeline` after `since` that an action caused."""
        return [e for e in peer.fetch_all("timeline", since.epoch, since.head) if e.cause == aid]


def _seated(peer: Peer, desk: Desk, welcome: Welcome) -> Welcome:
    """WELCOME of who may act there. Raises Skipped when nobody is signed in."""
    if desk.person and not desk.token:
        signed: Signed = peer.ask(SignIn(1, desk.person, desk.secret), Signed)
        if signed.code or not signed.token:
            raise Skipped(f"{desk.person} cannot sign in: {signed.code} {signed.text}".rstrip())
        desk.token = peer.token = signed.token
        welcome = peer.hello()
    if not welcome.operator_id:
        option = "--person NAME, or --other-person at the second one, or a seat that the backend fills"
        raise Skipped(f"nobody is signed in at this station: {option}")
    return welcome


def peer_now(peer: Peer) -> int:
    """The backend's clock."""
    return peer.ping(0).now


def feeds_of(*kinds: str, offered: Collection[str] = ()) -> list[str]:
    """Names of the feeds of these kinds; those that a backend may leave out only where they are among `offered`."""
    fit = (name for name, spec in FEEDS.items() if spec.kind.value in kinds)
    return [name for name in fit if name in offered or not FEEDS[name].optional]


def changed(action: Action, **fields: object) -> Action:
    """The same action with other fields."""
    return msgspec.structs.replace(action, **fields)
