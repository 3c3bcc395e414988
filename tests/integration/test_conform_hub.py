"""The reference hub, a real process with keys, keeps every promise that `ioc-console conform` checks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.hub_process import HubProcess

from backends.conform.room import Room
from backends.conform.run import CHECKS, Verdict, run
from backends.conform.wire import Place


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("hub")
    with HubProcess(folder, stations=("desk-1",), resume="always", extra_series=20, silent_s=120) as hub:
        ready = hub.start()
        keys = hub.keys("desk-1")
        place = Place(
            ready.ctl, ready.public_key, keys.public.decode(), keys.secret.decode(), "desk-1", ready.live, ready.mode
        )

        def restart() -> None:
            hub.kill()
            hub.start()

        with Room(place, restart=restart) as made:
            yield made


@pytest.mark.random_order(disabled=True)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_reference_hub_keeps_every_promise(room: Room, check: object) -> None:
    (outcome,) = run(room, [check])  # type: ignore[list-item]  # the parameter is a Check
    assert outcome.verdict is Verdict.PASS, outcome.seen
