"""Pictures on their way to the hub: BLOBPUT, part by part, before the action that names them is sent.

One at a time, one part at a time, under the session of whoever made the action. A hub that has a part already says so,
and it goes on after it: so neither a lost answer nor a restart of either side sends a picture twice, or half. What the
hub refuses for good, and what it never answers (a hub that knows no BLOBPUT), is put aside, and the action goes out all
the same: a picture must not hold up what a person has decided. It stays on the disk while the action has not come to
its end: a restart, and for what was never answered the next connection (another hub, perhaps), tries it again.
Must not: forget a picture that the hub does not have, or keep one in memory that is not being sent.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable

import msgspec

from backends.domain.action import Action, pictures_of
from backends.link.ports import Outgoing
from backends.protocol import codec
from backends.protocol.messages import BLOB_PART, BlobKept, BlobPut

_log = logging.getLogger(__name__)

SendData = Callable[[bytes, bytes], bool]
"""Gives one CTL message and its frame 2 to the socket; False: no connection, try again later."""
RETRY_S = 2.0
RETRY_MAX_S = 10.0
SILENT_S = 60.0
"""So long a hub that is there may leave a part unanswered."""
LATER = frozenset({"not_kept"})
"""What may be otherwise in a while: the hub's disk is full. All else is for good."""
NO_ANSWER = "no_answer"
_PNG = b"\x89PNG"


class _Going(msgspec.Struct):
    request: int
    blob: str
    data: bytes
    token: str
    part: int = 1
    """The next that the hub does not have."""
    send_at_s: float = 0.0
    pause_s: float = RETRY_S
    since_s: float = -1.0
    """Since when the hub has said nothing, being there; -1 = not yet asked."""

    @property
    def parts(self) -> int:
        return max(1, -(-len(self.data) // BLOB_PART))


class BlobsOut:
    """Used by the link thread only."""

    def __init__(self, outgoing: Outgoing | None) -> None:
        """None: this station has none, whatever actions name."""
        self._outgoing = outgoing
        self._going: _Going | None = None
        self._aside: dict[str, str] = {}
        """Pictures for which no action waits any more, with why; of those that are on the disk."""
        self._numbers = itertools.count(1)

    def clear(self, action: Action, token: str) -> bool:
        """The action may go out: the hub has all its pictures. Else the next of them is on its way from now on."""
        if self._outgoing is None:
            return True
        waiting = [blob for blob in pictures_of(action) if blob not in self._aside and self._outgoing.has(blob)]
        if not waiting:
            return True
        if self._going is None:
            self._begin(waiting[0], token)
        elif self._going.blob in waiting:
            self._going.token = token  # who made it may have signed in anew
        return False

    def _begin(self, blob: str, token: str) -> None:
        assert self._outgoing is not None
        data = self._outgoing.data(blob)
        if data:
            self._going = _Going(next(self._numbers), blob, data, token)
        else:
            self._put_aside(blob, "damaged")

    def on_kept(self, answer: BlobKept, now_s: float) -> None:
        """How far it is at the hub."""
        going = self._going
        if going is None or (answer.request, answer.blob) != (going.request, going.blob):
            return  # late: of one that is through
        going.since_s = now_s
        if answer.code in LATER:
            return  # said again after the pause
        if answer.code or answer.part >= going.parts:
            self._end(answer.code)
            return
        if answer.part >= going.part:
            going.send_at_s, going.pause_s = 0.0, RETRY_S  # else after the pause: one that keeps nothing is not flooded
        going.part = max(0, answer.part) + 1

    def _end(self, code: str) -> None:
        going, self._going = self._going, None
        if going is None or self._outgoing is None:
            return
        if code:
            self._put_aside(going.blob, code)
        else:
            self._outgoing.through(going.blob)

    def _put_aside(self, blob: str, code: str) -> None:
        _log.warning("picture %s does not reach the hub: %s", blob[:12], code)
        self._aside[blob] = code

    def connection_lost(self) -> None:
        """The part is said again at once; the hub answers how far it is. It may be another hub."""
        self._aside = {blob: code for blob, code in self._aside.items() if code != NO_ANSWER}
        if self._going is not None:
            self._going.send_at_s, self._going.pause_s, self._going.since_s = 0.0, RETRY_S, -1.0

    def turn(self, now_s: float, send: SendData) -> None:
        """Send the part that is due. The link is joined."""
        if self._outgoing is None:
            return
        for blob in [blob for blob in self._aside if not self._outgoing.has(blob)]:
            del self._aside[blob]  # the actions that named it have come to their ends
        going = self._going
        if going is None:
            return
        if not self._outgoing.has(going.blob):
            self._going = None  # the action that named it has come to its end
            return
        if now_s < going.send_at_s:
            return
        if going.since_s < 0:
            going.since_s = now_s
        elif now_s - going.since_s > SILENT_S:
            self._end(NO_ANSWER)
            return
        first = (going.part - 1) * BLOB_PART
        part = going.data[first : first + BLOB_PART]
        media = "image/png" if going.data.startswith(_PNG) else "image/jpeg"
        said = BlobPut(going.request, going.blob, media, len(going.data), going.part, going.parts, going.token)
        if send(codec.encode(said), part):
            going.send_at_s = now_s + going.pause_s
            going.pause_s = min(RETRY_MAX_S, going.pause_s * 2)
