"""A look at a past time, from the site's tables to the picture: hub, link, feeder, desk, broker, worker, and a recorder
of three kinds that lets nobody else in. Who may not look gets nothing, who looked is on record, no password stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from helpers.bare_station import Station
from helpers.bare_station import station as bare_station
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import client_at, hub_here, make_accounts, sign_in
from helpers.hub_process import WireClient
from helpers.onvif_device import PASSWORD, USER, OnvifCamera
from helpers.picture_rig import until
from helpers.recorder import Recorder
from typer.testing import CliRunner

from backends.domain.camera import Demand, PictureState
from backends.domain.replay import PAST, span_text
from backends.hub.witness import Witness
from backends.store.schema import OPS_FILE
from console.cli import app

T0_S = datetime.fromisoformat("2026-11-20T08:15:00Z").timestamp()
NS = 10**9
SPAN = span_text(int((T0_S + 2) * NS), int((T0_S + 20) * NS))


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with Recorder(T0_S, 250, password=PASSWORD) as running:
        yield running


def tell(hub: Path, files: Path, recorders: str) -> None:
    """As the site's people do it: cameras, recorders, and the password of the one that all three are."""
    files.mkdir(exist_ok=True)
    cameras = "".join(f"01{n},Cổng {n},rtsp://10.0.0.1{n}/sub,nvr-{n},1\n" for n in (1, 2, 3))
    secret = PASSWORD.replace('"', '""')
    texts = {
        "cameras.csv": f"number,name_vi,sub_uri,nvr,channel\n{cameras}019,Không đầu ghi,rtsp://10.0.0.19/sub,,\n",
        "recorders.csv": recorders,
        "secrets.csv": "id,user,password\n" + "".join(f'nvr-{n},{USER},"{secret}"\n' for n in (1, 2, 3)),
    }
    for name, text in texts.items():
        (files / name).write_text(text, encoding="utf-8")
    for words in (
        ["import", str(files / "cameras.csv")],
        ["recorders", str(files / "recorders.csv"), "--secrets", str(files / "secrets.csv")],
    ):
        done = CliRunner().invoke(app, ["cameras", *words, "--data-dir", str(hub)])
        assert done.exit_code == 0, done.output
        assert "heim" not in done.output


def looks(hub: Path) -> list[tuple[str, str, str, str, str]]:
    witness = Witness(hub)
    try:
        return [(x.person, x.what, x.target, x.reason, x.outcome) for x in witness.looks() if x.what == PAST]
    finally:
        witness.close()


@contextmanager
def room(tmp_path: Path, recorder: Recorder) -> Iterator[tuple[Station, OnvifCamera, Path]]:
    """Hub and station, the tables told."""
    hub = tmp_path / "hub"
    make_accounts(hub)
    with OnvifCamera() as onvif:
        onvif.replay = f"rtsp://192.0.2.66:{recorder.port}/onvif/replay"
        tell(
            hub, tmp_path / "files",
            "id,maker,host,port\n"
            f"nvr-1,hikvision,127.0.0.1,{recorder.port}\n"
            f"nvr-2,dahua,127.0.0.1,{recorder.port}\n"
            f"nvr-3,onvif,127.0.0.1,{onvif.port}\n",
        )  # fmt: skip
        with hub_here(hub) as ready, bare_station(tmp_path / "station", hub, ready) as one:
            one.glass.until(lambda glass: len(glass.ids("cameras")) == 4, what="the site's cameras")
            yield one, onvif, hub


def test_from_the_tables_to_the_picture(tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with room(tmp_path, recorder) as (one, onvif, hub):
        cameras = one.glass.items["cameras"]
        assert [cameras[f"cam-01{n}"].recorder for n in (1, 2, 3, 9)] == ["nvr-1", "nvr-2", "nvr-3", ""]
        one.sign_in("khach")
        assert one.reveal(PAST, "cam-011", SPAN).code == "not_allowed", "the console's own word"
        assert looks(hub) == []
        recorder.asked.clear()

        one.sign_in("ha")
        shown = {}
        for camera in ("cam-011", "cam-012", "cam-013"):
            answer = one.reveal(PAST, camera, SPAN)
            assert (answer.code, set(answer.values)) == ("", {"uri"}), "a screen gets an address, and nothing else"
            assert "heim" not in answer.values["uri"]
            shown[camera] = Demand(camera, answer.values["uri"], 128, 96)
        one.pictures.show(*shown.values())
        for demand in shown.values():
            until(
                lambda it=demand: one.pictures.status(it).shown_ns, 15, lambda it=demand: f"{one.pictures.status(it)}"
            )
            assert 1.0 < one.pictures.status(demand).shown_ns / NS - T0_S < 20.5
        assert looks(hub) == [("ha", PAST, camera, SPAN, "") for camera in shown]
        for pid in one.pictures.broker.worker_pids():
            for what in ("cmdline", "environ"):
                assert b"heim" not in Path(f"/proc/{pid}/{what}").read_bytes()
        assert onvif.asked.count("FindRecordings") == 1
        assert one.reveal(PAST, "cam-013", SPAN).values["uri"] == shown["cam-013"].uri
        assert onvif.asked.count("FindRecordings") == 1, "a jump does not ask for the list again"

        assert one.reveal(PAST, "cam-019", SPAN).code == "unknown", "no recorder keeps it"
        assert one.reveal(PAST, "cam-011", "vì tôi muốn").code == "bad_reason", "the record must say which time"
        onvif.recordings = {}
        onvif.password = "changed"
        assert "refuses" in one.reveal(PAST, "cam-013", SPAN).values["trouble"]
        onvif.password = PASSWORD

        # Another person takes the seat: what was allowed to the first is not his.
        one.pictures.show()
        until(lambda: one.pictures.broker.segment_count() == 0, 10, "nothing is shown")
        one.sign_in("khach")
        until(lambda: not one.pictures.broker._credentials, 10, "leave has been taken back")
        recorder.asked.clear()
        one.pictures.show(shown["cam-011"])
        until(lambda: one.pictures.broker.segment_count() == 1, 10, "it is wanted")
        until(lambda: one.pictures.status(shown["cam-011"]).age_s > 1, 10, "a second goes by")
        assert one.pictures.status(shown["cam-011"]).state is PictureState.CONNECTING
        assert recorder.asked == []
    station = tmp_path / "station"
    db = sqlite3.connect(station / OPS_FILE)
    rows = db.execute("SELECT person, target, detail FROM audit WHERE what='reveal' ORDER BY n").fetchall()
    db.close()
    assert rows[:3] == [("ha", f"past/{camera}", SPAN) for camera in shown]
    for path in [path for path in station.rglob("*") if path.is_file()]:
        assert PASSWORD.encode() not in path.read_bytes(), f"{path} holds a password"
    assert PASSWORD not in caplog.text


def ask(client: WireClient, target: str, reason: str) -> str:
    answer = client.ask("REVEAL", request=9, what=PAST, target=target, reason=reason, token=client.token)
    assert answer["msg"] == "REVEALED"
    return str(answer.get("code", ""))


def test_the_hub_decides_by_itself(tmp_path: Path, expect_logs: Callable[[str], None]) -> None:
    """Whatever a console says: roles, targets and spans are looked at, and refused looks are on record too."""
    expect_logs("asked for a secret")
    hub = tmp_path / "hub"
    make_accounts(hub)
    tell(hub, tmp_path / "files", "id,maker,host\nnvr-1,dahua,10.0.0.9\nnvr-2,dahua,10.0.0.9\nnvr-3,dahua,10.0.0.9\n")
    with hub_here(hub) as ready:
        client = client_at(hub, ready)
        try:
            assert ask(client, "cam-011", SPAN) == "nobody_signed_in"
            said = {}
            for person in ("khach", "son", "tuan", "ha", "lan"):
                sign_in(client, person)
                said[person] = ask(client, "cam-011", SPAN)
            assert said == {"khach": "not_allowed", "son": "not_allowed", "tuan": "not_allowed", "ha": "", "lan": ""}
            assert ask(client, "cam-404", SPAN) == "unknown"
            assert ask(client, "cam-019", SPAN) == "unknown"
            assert ask(client, "cam-011", "08:15") == "bad_reason"
            assert ask(client, "cam-011", span_text(NS, 7201 * NS)) == "bad_reason", "longer than an hour"
        finally:
            client.close()
    kept = looks(hub)
    assert [(person, outcome) for person, _, target, _, outcome in kept if target == "cam-011"] == [
        ("", "nobody_signed_in"), ("khach", "not_allowed"), ("son", "not_allowed"), ("tuan", "not_allowed"),
        ("ha", ""), ("lan", ""), ("lan", "bad_reason"), ("lan", "bad_reason"),
    ]  # fmt: skip
    assert {reason for *_, reason, outcome in kept if not outcome} == {SPAN}
