"""The number of a caller, from a station through its feeder to the hub: it lies in the hub's vault, nowhere else."""

from __future__ import annotations

from pathlib import Path

from helpers.feed_rig import FeederProcess, Glass
from helpers.hub_process import HubProcess

from backends.domain.access import AccessAnswer, Revealed
from backends.domain.action import Stage, Verb
from backends.domain.feeds import Mode
from backends.hub.main import READY_FILE
from backends.hub.private import FILE as VAULT
from console.feed_settings import FeedSettings

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
        feeder = FeederProcess(
            FeedSettings(
                str(desk), "desk-1", Mode.DEMO, hub_file=str(hub.folder / READY_FILE),
                key_file=str(hub.folder / "keys" / "desk-1.key_secret"),
            )
        )  # fmt: skip
        try:
            client = feeder.client()
            glass = Glass(client.drain)
            glass.until(lambda g: g.up() and client.grant.may(Verb.INTAKE), 20.0, "somebody sits here")
            args = {"category": "flood", "title": "Ngập", "channel": "hotline"}
            aid = client.submit(Verb.INTAKE, "reports", "new-1", 0, args)
            glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, ()), 20.0, "it has a number")
            ids = lambda g: [r.id for r in g.items["reports"].values() if r.channel == "hotline"]  # noqa: E731
            glass.until(ids, 10.0, "the record is here")
            (number,) = ids(glass)
            answers = lambda g, kind, n: [d for d in g.all if isinstance(d, kind) and d.request == n]  # noqa: E731

            asked = client.confide(number, {"name": NAME, "phone": NUMBER})
            glass.until(lambda g: answers(g, AccessAnswer, asked), 20.0, "the hub has it")
            assert answers(glass, AccessAnswer, asked)[0].code == ""

            seen = client.reveal("reporter", number, "gọi lại")
            glass.until(lambda g: answers(g, Revealed, seen), 20.0, "it is told")
            assert answers(glass, Revealed, seen)[0].values == {"name": NAME, "phone": NUMBER}
            hub.stop()
        finally:
            feeder.stop()
        for words in (NUMBER, NAME):
            assert holding(desk, words) == []
            assert {name.partition("-")[0] for name in holding(hub.folder, words)} == {VAULT}
