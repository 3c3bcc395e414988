"""What a hub keeps over its own death: epochs, seqs, outcomes, items, samples, its ports; and a planned stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers.hub_process import READY_FILE, HubProcess, WireClient


def _without(feed: str, heads: dict[str, Any]) -> dict[str, Any]:
    return {name: (h["epoch"], h["head"]) for name, h in heads.items() if name != feed}


def test_sigkill_loses_nothing_that_was_published(tmp_path: Path) -> None:
    with HubProcess(tmp_path, level=1.0) as hub:
        first = hub.start()
        with WireClient(first, hub.keys("desk-1")) as client:
            before = client.hello()
            items, _ = client.snapshot("alarms")
            (fire,) = items
            assert client.act("a1", "claim", fire["id"], 1)[-1]["stage"] == "applied"
            live = client.until_live(b"1/samples/")
            hub.kill()
        second = hub.start()
        assert (second.live, second.ctl, second.public_key) == (first.live, first.ctl, first.public_key)
        assert second.instance != first.instance
        with WireClient(second, hub.keys("desk-1")) as client:
            after = client.hello()
            heads = dict(before["feeds"])
            assert after["feeds"]["alarms"]["head"] == heads["alarms"]["head"] + 1
            assert after["feeds"]["samples"]["head"] >= live["seq"]
            for feed, head in heads.items():
                assert after["feeds"][feed]["epoch"] == head["epoch"], feed
            for feed in ("cameras", "sensors", "reports", "config", "roster", "stations", "indicators"):
                assert after["feeds"][feed]["head"] == heads[feed]["head"], f"{feed} was written anew"
            assert [a["stage"] for a in client.act("a1", "claim", fire["id"], 1)] == ["duplicate"]
            (kept,), _ = client.snapshot("alarms")
            assert kept["body"]["holder"] == "Thu Hà"
            _, t_ns, value, _ = next(s for s in live["body"]["samples"] if s[0] == "hieu-level")
            series = client.ask("HISTORY", request=1, series="hieu-level", t0=t_ns, t1=t_ns)
            assert (series["t"], series["value"]) == ([t_ns], [value])
            beat = client.until_live(b"1/hb/", lambda m: "canary" in m)
            assert beat["instance"] == second.instance


def test_a_planned_stop_says_bye_and_a_new_day_begins_anew(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            before = client.hello()
            assert hub.stop() == 0
            bye = client.answer()
            assert bye == {"msg": "BYE", "reason": "stopping"}, "a default is not written: retry_ms is 1000"
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            after = client.hello()
            assert after["feeds"]["alarms"]["epoch"] != before["feeds"]["alarms"]["epoch"]


def test_a_log_that_is_always_kept_goes_on_after_a_planned_stop(tmp_path: Path) -> None:
    with HubProcess(tmp_path, resume="always") as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            before = client.hello()["feeds"]
            hub.stop()
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            after = client.hello()["feeds"]
        assert {f: h["epoch"] for f, h in after.items()} == {f: h["epoch"] for f, h in before.items()}
        assert _without("samples", after)["cameras"] == _without("samples", before)["cameras"]


def test_hub_json_tells_how_to_reach_it(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        ready = hub.start()
        written = json.loads((tmp_path / READY_FILE).read_bytes())
        assert written == {
            "live": ready.live,
            "ctl": ready.ctl,
            "public_key": hub.keys("hub").public.decode(),
            "pid": ready.pid,
            "instance": ready.instance,
            "mode": "demo",
        }
