"""A picture that goes with a click, from the station's disk to the hub's, and back to a screen: over a restart of the
feeder while there is no hub."""

from __future__ import annotations

import hashlib
from pathlib import Path

from helpers.feed_rig import feeder_at, real_settings
from helpers.hub_process import HubProcess

from backends.domain.action import Stage, Verb, with_pictures
from backends.domain.ports import SmallPicture
from console.feed_outgoing import FOLDER

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(249)) * 2500
NAME = hashlib.sha256(PICTURE).hexdigest()


def test_a_report_that_is_taken_in_offline_brings_its_picture(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "hub") as hub:
        hub.start()
        desk = tmp_path / "desk"
        with feeder_at(real_settings(hub, desk)) as (feeder, client, glass):
            glass.until(lambda g: g.up() and client.grant.may(Verb.INTAKE), 20.0, "somebody sits here")
            hub.kill()
            args = {"category": "flood", "title": "Ngập", "channel": "operator"}
            aid = client.submit(Verb.INTAKE, "reports", "new-1", 0, with_pictures(args, [PICTURE]), [PICTURE])
            glass.until(lambda g: Stage.QUEUED in g.stages.get(aid, ()), 10.0, "it is kept")
            assert (desk / FOLDER / NAME).read_bytes() == PICTURE
            feeder.kill()
            feeder.start()
            hub.start()
            glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, ()), 30.0, "the hub has it")
            glass.until(lambda g: any(r.before for r in g.items["reports"].values()), 10.0, "the record names it")
            assert not (desk / FOLDER / NAME).exists()
            client.want_pictures((NAME, "0" * 64))
            got = lambda g: {p.blob: p for p in g.all if isinstance(p, SmallPicture)}  # noqa: E731
            glass.until(lambda g: len(got(g)) == 2, 20.0, "what was asked for")
            assert got(glass)[NAME].data == PICTURE
            assert got(glass)["0" * 64].code == "unknown"
