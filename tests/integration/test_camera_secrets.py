"""A camera with a password, from the site's table to the tile: hub, link, feeder, supervisor's desk, broker, worker,
and a real RTSP server that lets nobody else in. What no password may touch is looked through afterwards."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from conftest import ExpectLogs
from helpers.bare_station import station as bare_station
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import hub_here, make_accounts
from helpers.picture_rig import rig
from helpers.rtsp_server import RtspServer
from typer.testing import CliRunner

from backends.domain.camera import Demand, PictureState, StreamKind
from backends.hub.witness import Witness
from backends.store.schema import OPS_FILE
from backends.video.broker import BrokerSettings
from console.cli import app
from console.feed_access import FOLDER
from console.feed_secrets import FILE
from console.secret_desk import SecretDesk

FIRST, SECOND = "first geheim/1 2", "second-geheim-3"


def tell(hub: Path, folder: Path, uri: str, password: str) -> None:
    """As the site's people do it."""
    (folder / "site.csv").write_text(f"number,name_vi,sub_uri\n014,Cổng chợ,{uri}\n", encoding="utf-8")
    (folder / "secrets.csv").write_text(f'number,user,password\n014,operator,"{password}"\n', encoding="utf-8")
    done = CliRunner().invoke(
        app,
        ["cameras", "import", str(folder / "site.csv"), "--secrets", str(folder / "secrets.csv"), "--remove",
         "--data-dir", str(hub)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output


def given(hub: Path) -> list[tuple[str, str, str, str]]:
    witness = Witness(hub)
    try:
        return [(look.station, look.person, look.what, look.target) for look in witness.looks() if not look.outcome]
    finally:
        witness.close()


def audited(folder: Path) -> list[tuple[str, str, str]]:
    db = sqlite3.connect(folder / OPS_FILE)
    try:
        return db.execute("SELECT person, target, detail FROM audit WHERE what='camera_secret' ORDER BY n").fetchall()
    finally:
        db.close()


def test_a_camera_with_a_password_from_the_table_to_the_tile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub, station, files = tmp_path / "hub", tmp_path / "station", tmp_path / "files"
    files.mkdir()
    make_accounts(hub)
    camera = RtspServer(password=FIRST)
    try:
        with hub_here(hub) as ready, bare_station(station, hub, ready) as one:
            one.glass.until(lambda glass: glass.live("cameras"))
            assert one.glass.ids("cameras") == ["cam-1", "cam-2"]
            tell(hub, files, camera.uri, FIRST)
            one.glass.until(lambda glass: glass.ids("cameras") == ["cam-014"], what="the table is taken up")
            uri = one.glass.items["cameras"]["cam-014"].stream(StreamKind.SUB).uri
            shown = Demand("cam-014", uri, 320, 180)

            one.pictures.show(shown)
            one.pictures.until_state(shown, PictureState.REFUSED)
            assert given(hub) == [], "nobody is signed in: nobody is told"

            one.sign_in("khach")
            one.pictures.until_moving(shown)
            assert given(hub) == [("desk-1", "khach", "stream", "cam-014")]
            for pid in one.pictures.broker.worker_pids():
                for what in ("cmdline", "environ"):
                    assert b"geheim" not in Path(f"/proc/{pid}/{what}").read_bytes()

            # The site's people change it: on the camera and at the hub.
            camera.kill()
            changed = RtspServer.__new__(RtspServer)
            changed.__dict__.update(camera.__dict__, _password=SECOND)
            camera = changed
            camera.start()
            tell(hub, files, camera.uri, SECOND)
            one.pictures.until_state(shown, PictureState.REFUSED, 30.0)
            one.pictures.until_moving(shown, seconds=30.0)
            assert [row[1:] for row in given(hub)] == [("khach", "stream", "cam-014")] * 2

        # A start without a hub, and with nobody signed in.
        with bare_station(station, hub, ready) as one:
            one.pictures.show(shown)
            one.pictures.until_moving(shown)
        assert audited(station) == [("khach", "cameras/cam-014", "new")] * 2
    finally:
        camera.kill()
    hidden = station / FOLDER / FILE
    for path in [path for path in station.rglob("*") if path.is_file()]:
        for secret in (FIRST, SECOND):
            assert secret.encode() not in path.read_bytes(), f"{path} holds a password"
    assert hidden.stat().st_size > 0, "the control: it was kept"
    assert "geheim" not in caplog.text


def test_the_door_lets_nobody_in_without_its_key(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    from multiprocessing import AuthenticationError
    from multiprocessing.connection import Client

    expect_logs("somebody without the key")
    with rig(BrokerSettings(workers=1)) as pictures:
        desk = SecretDesk(pictures.broker, str(tmp_path / "door"), b"right")
        desk.start()
        try:
            with pytest.raises((AuthenticationError, EOFError, OSError)):
                Client(str(tmp_path / "door"), authkey=b"wrong")
        finally:
            desk.stop()
