"""The number of a caller, from a station through its feeder to the hub: it lies in the hub's vault, nowhere else."""

from __future__ import annotations

from pathlib import Path

from helpers.feed_rig import feeder_at, real_settings
from helpers.hub_process import HubProcess

from backends.domain.access import AccessAnswer, Revealed
from backends.domain.action import Stage, Verb
from backends.hub.private import FILE as VAULT

NUMBER, NAME = "0912 345 678", "Tran Thi Zinnia"
"""Plain letters: in every encoding the same bytes."""


def holding(folder: Path, words: str) -> list[str]:
    """Names of the files below it that hold these words in any of the usual forms."""
    forms = [words.encode(code) for code in ("utf-8", "utf-16-le")] + [words.replace(" ", "").encode()]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return sorted(path.name for path in files if any(form in path.read_bytes() for form in forms))


def test_it_lies_in_the_vault_alone(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "hub") as hub:
        hub.start()
        desk = tmp_path / "desk"
        with feeder_at(real_settings(hub, desk)) as (_, client, glass):
            glass.until(lambda g: g.up() and client.grant.may(Verb.INTAKE), 20.0, "somebody sits here")
            args = {"category": "flood", "title": "Ngập", "channel": "hotline"}
            aid = client.submit(Verb.INTAKE, "reports", "new-1", 0, args)
            glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, ()), 20.0, "it has a number")
            ids = lambda g: [r.id for r in g.items["reports"].values() if r.channel == "hotline"]  # noqa: E731
            glass.until(ids, 10.0, "the record is here")
            (number,) = ids(glass)
            asked = client.confide(number, {"name": NAME, "phone": NUMBER})
            assert glass.answer(asked, AccessAnswer, 20.0).code == ""
            seen = client.reveal("reporter", number, "gọi lại")
            assert glass.answer(seen, Revealed, 20.0).values == {"name": NAME, "phone": NUMBER}
            hub.stop()
        for words in (NUMBER, NAME):
            assert holding(desk, words) == []
            assert {name.partition("-")[0] for name in holding(hub.folder, words)} == {VAULT}
