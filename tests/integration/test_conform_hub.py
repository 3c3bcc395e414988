"""The reference hub, a real process with keys, keeps every promise that `conform` checks; none is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import SECRET, make_accounts
from helpers.hub_process import HubProcess
from helpers.sweep_cameras import nobody_listens
from helpers.transcript_scenes import FIRE_STEPS

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


FILES = {
    SITE_FILE: cameras(),
    "alarms.toml": '[[class]]\nid = "gas"\nkeys = ["gas"]\nlatching = true\n' + FIRE_STEPS["alarms.toml"],
    "procedures/fire.toml": FIRE_STEPS["procedures/fire.toml"],
}


@contextmanager
def people(folder: Path, **world: Any) -> Iterator[tuple[HubProcess, Ready]]:
    """A hub with accounts, with everything that a check needs."""
    make_accounts(folder)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with HubProcess(folder, sign_in="password", busy=True, **world) as hub:
        yield hub, hub.start()


def seated(hub: HubProcess, ready: Ready, person: str, other: str) -> Room:
    """`person` at desk-1 and `other` at desk-2; the administrator at desk-1, too."""
    at = place(hub, ready)
    beside = Desk(place(hub, ready, "desk-2"), other, SECRET)
    return Room(at, person=person, secret=SECRET, other=beside, admin=Desk(at, "tuan", SECRET))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with (
        people(tmp_path_factory.mktemp("hub"), extra_series=20, silent_s=120) as (hub, ready),
        seated(hub, ready, "lan", "ha") as made,
    ):
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
    checks = [check for check in CHECKS if check.name in ("lease-held", "lease-rights")]
    with people(tmp_path, past_s=60) as (hub, ready):
        seen = {}
        for person, other in (("ha", "lan"), ("lan", "ha"), ("son", "ha")):
            with seated(hub, ready, person, other) as room:
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


def test_what_a_role_may_not_is_refused_and_what_it_may_is_offered(tmp_path: Path) -> None:
    """A check of what the role may not is skipped, and says who may; a viewer passes those of what is refused."""
    others = ("out-of-service", "release-held", "accounts", "accounts-rights", "blob", "reveal", "cover-others")
    checks = [check for check in CHECKS if check.name in ("grants", *others)]
    with people(tmp_path, past_s=60) as (hub, ready):
        seen = {}
        for person, other in (("ha", "lan"), ("son", "ha"), ("tuan", "ha"), ("khach", "ha")):
            with seated(hub, ready, person, other) as room:
                seen[person] = {o.name: (o.verdict.value, o.seen) for o in run(room, checks)}
    assert [told["grants"][0] for told in seen.values()] == ["pass"] * 4
    assert {name for name, (verdict, _) in seen["ha"].items() if verdict != "pass"} == {"out-of-service"}
    assert "let the role shift_lead sit there" in seen["ha"]["out-of-service"][1]
    assert seen["ha"]["release-held"][1] == "lan gave back what ha had"
    assert seen["ha"]["cover-others"][1] == "lan said it for ha"
    assert seen["khach"]["reveal"] == ("pass", "nothing is told to this role")
    assert seen["khach"]["accounts"] == ("pass", "1 for viewer")
    assert seen["khach"]["blob"][0] == "skipped"
    assert seen["tuan"]["accounts-rights"][0] == "skipped"
    assert seen["son"]["accounts-rights"][0] == "pass"


def test_a_hub_that_seats_people_offers_no_sessions(tmp_path: Path) -> None:
    """What is about sessions is not offered; the rest is."""
    accounts = ("accounts", "accounts-rights", "accounts-change")
    sessions = {"sign-out", "judged-anew", "token-elsewhere", *accounts, "blob-session", "reveal-session"}
    with HubProcess(tmp_path, past_s=60) as hub:
        ready = hub.start()
        with Room(place(hub, ready), other=Desk(place(hub, ready, "desk-2"))) as room:
            seen = {o.name: o for o in run(room, [c for c in CHECKS if c.name in (*sessions, "sign-in", "action")])}
    assert {name for name, o in seen.items() if o.verdict is Verdict.NOT_OFFERED} == sessions
    assert seen["sign-in"].seen == "not_here"
    assert seen["action"].verdict is Verdict.PASS
