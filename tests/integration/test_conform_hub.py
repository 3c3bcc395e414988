"""The reference hub, a real process with keys, keeps every promise that `conform` checks; none is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import SECRET, make_accounts
from helpers.hub_process import HubProcess
from helpers.sweep_cameras import nobody_listens

from backends.adapters.cameras_csv import SITE_FILE
from backends.conform import lasting
from backends.conform.registry import Check
from backends.conform.room import Desk, Room
from backends.conform.run import CHECKS, Verdict, run
from backends.conform.wire import Place
from backends.hub.main import Ready

LONG = ("lease-over", "sees-over")
"""They wait for half a minute, until something ends."""
STANDING = [
    pytest.param(check, id=check.name, marks=[pytest.mark.soak] if check.name in LONG else [])
    for check in CHECKS
    if check not in lasting.CHECKS.all
]


def place(hub: HubProcess, ready: Ready, station: str = "desk-1") -> Place:
    keys = hub.keys(station)
    return Place(
        ready.ctl, ready.public_key, keys.public.decode(), keys.secret.decode(), station, ready.live, ready.mode
    )


def cameras() -> str:
    """A site's table: one camera that turns, one that does not; nobody speaks to either."""
    uri = nobody_listens()
    return (
        "number,name_vi,sub_uri,onvif,ptz\n"
        f"014,Cổng chợ,{uri},http://127.0.0.1:1/onvif/device_service,yes\n"
        f"015,Bãi xe,{uri},,\n"
    )


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / SITE_FILE).write_text(cameras(), encoding="utf-8")
    with HubProcess(folder, extra_series=20, silent_s=120) as hub:
        ready = hub.start()
        with Room(place(hub, ready), other=Desk(place(hub, ready, "desk-2"))) as made:
            yield made


@pytest.mark.parametrize("check", STANDING)
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


def test_a_hub_with_accounts_leases_by_rank_and_right(tmp_path: Path) -> None:
    make_accounts(tmp_path)
    (tmp_path / SITE_FILE).write_text(cameras(), encoding="utf-8")
    checks = [check for check in CHECKS if check.name in ("lease-held", "lease-rights")]
    with HubProcess(tmp_path, past_s=60, sign_in="password") as hub:
        ready = hub.start()
        seen = {}
        for person, other in (("ha", "lan"), ("lan", "ha"), ("son", "ha")):
            beside = Desk(place(hub, ready, "desk-2"), other, SECRET)
            with Room(place(hub, ready), person=person, secret=SECRET, other=beside) as room:
                seen[person] = {o.name: (o.verdict.value, o.seen) for o in run(room, checks)}
    assert seen["ha"] == {
        "lease-held": ("pass", "ha did not get what lan had"),
        "lease-rights": ("pass", "nobody_signed_in, the view not_allowed"),
    }
    assert seen["lan"] == {
        "lease-held": ("pass", "ha did not get what lan had"),
        "lease-rights": ("pass", "nobody_signed_in, the view kept, bad_text"),
    }
    assert seen["son"]["lease-rights"] == ("pass", "nobody_signed_in, turning not_allowed")
    assert seen["son"]["lease-held"][0] == "skipped"
