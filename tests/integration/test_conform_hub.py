"""The reference hub, a real process with keys, keeps every promise that `conform` checks; none is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.hub_people import SECRET, make_accounts
from helpers.hub_process import HubProcess

from backends.conform import lasting
from backends.conform.registry import Check
from backends.conform.room import Room
from backends.conform.run import CHECKS, Verdict, run
from backends.conform.wire import Place
from backends.hub.main import Ready

STANDING = [check for check in CHECKS if check not in lasting.CHECKS.all]


def place(hub: HubProcess, ready: Ready) -> Place:
    keys = hub.keys("desk-1")
    return Place(
        ready.ctl, ready.public_key, keys.public.decode(), keys.secret.decode(), "desk-1", ready.live, ready.mode
    )


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("hub")
    with (
        HubProcess(folder, stations=("desk-1",), extra_series=20, silent_s=120) as hub,
        Room(place(hub, hub.start())) as made,
    ):
        yield made


@pytest.mark.parametrize("check", STANDING, ids=lambda check: check.name)
def test_the_reference_hub_keeps_every_promise(room: Room, check: Check) -> None:
    (outcome,) = run(room, [check])
    assert outcome.verdict is Verdict.PASS, outcome.seen


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_reference_hub_goes_on_after_a_restart(tmp_path: Path, how: str) -> None:
    with HubProcess(tmp_path, stations=("desk-1",), resume="always", past_s=60) as hub:
        at = place(hub, hub.start())

        def restart() -> None:
            hub.kill() if how == "killed" else hub.stop()
            hub.start()

        with Room(at, restart=restart) as room:
            (outcome,) = run(room, lasting.CHECKS.all)
        assert outcome.verdict is Verdict.PASS, outcome.seen


def test_a_hub_with_accounts_is_checked_as_a_person(tmp_path: Path) -> None:
    """Without one nothing can be acted on, which is skipped and no pass; nor is a wrong secret."""
    make_accounts(tmp_path)
    checks = [check for check in CHECKS if check.name in ("action", "claim", "claimed-station")]
    with HubProcess(tmp_path, stations=("desk-1",), past_s=60, sign_in="password") as hub:
        at = place(hub, hub.start())
        seen = {}
        for person, secret in (("", ""), ("ha", "sai"), ("ha", SECRET)):
            with Room(at, person=person, secret=secret) as room:
                seen[secret] = [(outcome.verdict.value, outcome.seen) for outcome in run(room, checks)]
    assert [verdict for verdict, _ in seen[SECRET]] == ["pass"] * 3
    assert [verdict for verdict, _ in seen[""]] == ["skipped", "skipped", "pass"]
    assert "--person" in seen[""][0][1]
    assert "ha cannot sign in: refused" in seen["sai"][0][1]
