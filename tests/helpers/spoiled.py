"""Real hub processes that die at a point, or lack a guard: what `helpers.hub_process` is told to spoil before it runs.

Production code never asks whether it is tested: named functions of it are replaced here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

DIES_CONFIDED = "dies_confided"
"""SIGKILL to itself when CONFIDED is about to go out: the last moment at which the console has not heard it."""
TELLS_NOBODY = "tells_nobody"
"""Control: what a person confides is kept here at once, and given to other hubs later than any test waits."""
ONE_NUMBER = "one_number"
"""Control: a number of the centre's own means the same whichever log gave it."""


def spoil(what: Iterable[str]) -> None:
    for one in what:
        _SPOILS[one]()


def _dies_confided() -> None:
    from backends.hub import server
    from backends.protocol.messages import Confided

    send = server.Server._send

    def last(self: Any, routing_id: bytes, message: Any) -> bool:
        if isinstance(message, Confided):
            os.kill(os.getpid(), signal.SIGKILL)
        return send(self, routing_id, message)

    server.Server._send = last  # type: ignore[method-assign]


def _tells_nobody() -> None:
    from backends.hub import jetstream_rows, private
    from backends.hub.shared import ALONE

    tell = private.Vault.tell

    def quietly(self: Any, what: str, target: str, values: Any) -> None:
        self._sharing = ALONE
        tell(self, what, target, values)

    private.Vault.tell = quietly  # type: ignore[method-assign]
    jetstream_rows.SharedRows._spread_secrets = lambda self, vault: None  # type: ignore[method-assign]


def _one_number() -> None:
    from backends.hub import own_numbers

    own_numbers.OwnNumbers.key = lambda self, report: report  # type: ignore[method-assign]


_SPOILS: dict[str, Callable[[], None]] = {
    DIES_CONFIDED: _dies_confided, TELLS_NOBODY: _tells_nobody, ONE_NUMBER: _one_number,
}  # fmt: skip
