"""Fault bench: kills, an outage of eight hours, silences, a dead alarm engine, malformed messages; real programs.

`rows()` takes about three minutes; `soak_rows()` does 200 kills instead of 20. What each fault is: docs/faults.md.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT / "tests"), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from helpers import fault_scenes as scenes  # noqa: E402
from helpers.fake_hub import FakeHub, alarm  # noqa: E402
from helpers.fault_rig import Town, audit  # noqa: E402
from helpers.feed_rig import FeederProcess, Glass, feed_settings  # noqa: E402
from helpers.kill_storm import Clicks, audit_clicks, named_kills, random_kills, settle, storm  # noqa: E402
from helpers.malformed import Maker  # noqa: E402
from helpers.outage import HOURS, outage  # noqa: E402

from backends.domain.action import Verb  # noqa: E402
from backends.store.ops import QUARANTINE_KEPT  # noqa: E402
from backends.store.schema import OPS_FILE  # noqa: E402

SEED = 20201018
KILLS, SOAK_KILLS = 20, 200
FUZZ, FUZZ_EVERY = 100_000, 20
LOAD: dict[str, Any] = {"rate": 1000.0, "alarms": 20.0, "standing": 40}


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    return [
        *kill_rows(KILLS, f"{KILLS} kills here, {SOAK_KILLS} in the soak"),
        *outage_rows(),
        *seen_rows(),
        fuzz_row(),
    ]


def soak_rows() -> list[dict[str, Any]]:
    """Rows of `make soak`."""
    return kill_rows(SOAK_KILLS, f"{SOAK_KILLS} kills")


def _row(name: str, value: float, unit: str, bar: str, ok: bool, note: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": note}


def _some(found: Iterable[str]) -> str:
    first = list(found)[:3]
    return f" ({'; '.join(first)})" if first else ""


def kill_rows(kills: int, words: str) -> list[dict[str, Any]]:
    """SIGKILL of hub and feeder, half of them at named points, at 1,000 messages a second and under clicks."""
    rng = random.Random(SEED)
    plan = (named_kills() * (1 + kills // 2 // len(named_kills())))[: kills // 2]
    plan += random_kills(rng, kills - len(plan))
    rng.shuffle(plan)
    with tempfile.TemporaryDirectory(prefix="ioc-kill-") as name, Town(Path(name), **LOAD, fixed=100) as town:
        town.until_live()
        clicks = Clicks(town, rng)
        done = storm(town, rng, plan, clicks)
        settle(town, clicks)
        town.quiesce()
        found = audit(town)
        fates = audit_clicks(town, clicks.kept, [glass.stages for glass in town.glasses])
    note = f"{words}, seed {SEED}; {found.alarms} alarms, {found.rows} log rows compared one by one, {done} done"
    bad = [*found.wrong, *fates.wrong]
    ok = done == kills and not found.wrong
    return [
        _row("fault.kill.alarms_lost", len(found.lost), "alarms", "0", ok and not found.lost, note + _some(found.lost)),
        _row("fault.kill.alarms_doubled", len(found.doubled), "alarms", "0", ok and not found.doubled,
             "at the hub, in the store, on the screen" + _some(found.doubled)),
        _row("fault.kill.disagreements", len(bad), "", "0", not bad,
             f"rows, states and {fates.clicks} clicks ({fates.applied} applied) on which hub, store and screen differ"
             + _some(bad)),
    ]  # fmt: skip


def outage_rows() -> list[dict[str, Any]]:
    """Eight hours away, 100,000 records missed, 500 clicks waiting."""
    with (
        tempfile.TemporaryDirectory(prefix="ioc-outage-") as name,
        Town(Path(name), rate=300.0, alarms=20.0, standing=40, fixed=100) as town,
    ):
        town.until_live()
        found = outage(town)
        town.quiesce()
        records = audit(town)
        fates = audit_clicks(town, found.clicks, [glass.stages for glass in town.glasses])
    sound = not [*records.lost, *records.doubled, *records.wrong]
    live = f"alarms raised meanwhile ({found.alarms}) shown within {found.worst_alarm_s:.2f} s"
    return [
        _row("gapfill.100k_s", found.fill_s, "s", "<= 10", found.fill_s <= 10 and found.missed >= 100_000 and sound,
             f"{found.missed} records over 6 feeds, {HOURS} h away; {live}"),
        _row("gapfill.live_alarm_s", found.worst_alarm_s, "s", "<= 1", found.alarms > 0 and found.worst_alarm_s <= 1,
             f"the slowest of {found.alarms} alarms that were raised while the gap was filled"),
        _row("fault.actions_not_once", len(fates.wrong), "actions", "0",
             not fates.wrong and fates.clicks == 500 and fates.applied == 400,
             f"{fates.clicks} queued: {found.ends}; hub, store and screen agree" + _some(fates.wrong)),
    ]  # fmt: skip


def seen_rows() -> list[dict[str, Any]]:
    """How soon the screen tells that something is gone."""
    seen: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="ioc-seen-") as name, Town(Path(name), **LOAD) as town:
        town.until_live()
        canary = [_canary(town) for _ in range(3)]
        for _ in range(3):
            for what, scene in (
                ("cut", scenes.cable_cut),
                ("SIGSTOP", scenes.hub_stopped),
                ("hung loop", scenes.hub_hung),
            ):
                seen.setdefault(what, []).append(scene(town))
                town.until_live()
    for _ in range(2):
        seen.setdefault("one stalled feed", []).append(_stalled())
    worst = max(max(times) for times in seen.values())
    return [
        _row("fault.stale_seen_s", worst, "s", "<= 2.0", worst <= 2.0,
             "worst of " + ", ".join(f"{what} {max(times):.2f}" for what, times in seen.items())),
        _row("fault.canary_seen_s", max(canary), "s", "<= 6", max(canary) <= 6,
             f"alarm engine frozen, heartbeats and feeds go on; worst of {len(canary)}"),
    ]  # fmt: skip


def _canary(town: Town) -> float:
    seen_s = scenes.canary_dead(town)
    town.until("it lives again", lambda g: g.items["local"]["local:canary"].state.value == "returned", 10.0)
    town.clients[0].submit(Verb.ACKNOWLEDGE, "local", "local:canary", 0)
    town.until("acknowledged", lambda g: "local:canary" not in g.items.get("local", {}))
    return seen_s


def _stalled() -> float:
    with tempfile.TemporaryDirectory(prefix="ioc-seen-") as name, Town(Path(name), **LOAD, silent_after_s=6.0) as town:
        town.until_live()
        return scenes.feed_stalled(town, scenes.wait_silent(town))


def fuzz_row() -> dict[str, Any]:
    """100,000 malformed messages of every schema on both sockets, with valid alarms between them."""
    maker = Maker(SEED)
    with tempfile.TemporaryDirectory(prefix="ioc-fuzz-") as name:
        hub = FakeHub().start()
        feeder = FeederProcess(feed_settings(hub, Path(name) / "console"))
        try:
            glass = Glass(feeder.client().drain)
            glass.until(lambda g: g.live())
            began_s = time.monotonic()
            good = 0
            for n in range(FUZZ):
                if n % 3 == 0:
                    hub.send_ctl(*maker.to_console())
                else:
                    hub.send_live(*(maker.live() or [b""]))  # a message without any frame cannot be sent
                if n % FUZZ_EVERY == 0:
                    good += 1
                    hub.put("alarms", alarm(n))
                if n % 500 == 0:
                    # In step with the console: what PUB itself would drop is no test of the reader.
                    hub.drained()
                    glass.until(lambda g, want=good: len(g.ids()) >= want - 200, 60.0)
            glass.until(lambda g: len(g.ids()) == good and g.live(), 60.0)
            spent_s = time.monotonic() - began_s
            crashed = feeder.child.poll() is not None
            glass.look()
            applied = len(glass.ids()) / good
        finally:
            hub.stop()
            feeder.stop()
        kept, bad = _quarantined(Path(name) / "console" / OPS_FILE)
    counted = bad >= FUZZ * 0.8
    ok = not crashed and applied == 1.0 and counted and kept == QUARANTINE_KEPT
    return _row(
        "fault.fuzz_crashes", float(crashed), "crashes", "0", ok,
        f"of {FUZZ} malformed messages in {spent_s:.0f} s, seed {SEED}; {good} valid alarms between them, "
        f"{applied:.0%} applied; {bad} counted as bad, the newest {kept} kept",
    )  # fmt: skip


def _quarantined(path: Path) -> tuple[int, int]:
    """(kept, ever counted)."""
    db = sqlite3.connect(path)
    try:
        kept, newest = db.execute("SELECT count(*), max(n) FROM quarantine").fetchone()
        return int(kept), int(newest)
    finally:
        db.close()


if __name__ == "__main__":
    chosen = {"kills": lambda: kill_rows(KILLS, ""), "outage": outage_rows, "seen": seen_rows,
              "fuzz": lambda: [fuzz_row()]}  # fmt: skip
    for part in sys.argv[1:] or chosen:
        for row in chosen[part]():
            print(json.dumps(row, ensure_ascii=False))
