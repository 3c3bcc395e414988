"""A hub serves the cameras that its site names: a bad line stops nothing, a changed file counts at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.adapters.cameras_csv import SITE_FILE, CameraRow, to_camera
from backends.adapters.recorders_csv import RECORDERS_FILE
from backends.domain.camera import Camera, StreamKind
from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
from backends.domain.world import CameraMoved, WorldEvent
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.private import CAMERA, REPORTER, Confiding, Vault
from backends.hub.site_cameras import SiteCameras
from backends.protocol.codec import decode_body

NOW = 1_790_000_000 * NS_PER_S
HEAD = "number,name_vi,sub_uri"
GATE = "014,Cổng chợ,rtsp://10.0.0.14/sub"
BRIDGE = "001,Cầu,rtsp://10.0.0.1/sub"


class Hub:
    """The parts of a hub that see the file, round by round."""

    def __init__(self, folder: Path, world: TinyCity | None = None, start: bool = True) -> None:
        self.folder = folder
        self.vault = Vault(folder)
        self.log = SqliteLog(folder / "hub.db", Mode.TEST)
        self.site = SiteCameras(folder)
        self.world = Confiding(world or TinyCity(NOW, past_s=60), self.vault, self.site)
        self.core = Core(self.log, self.world, site=self.site)
        self.core.start(NOW)
        self.t_ns = NOW
        self.round()

    def round(self) -> list[tuple[str, str]]:
        """One second on. What was published on the feed of cameras."""
        self.t_ns += NS_PER_S
        self.core.maintain(self.t_ns)
        return [(e.type, e.id) for e in self.core.round(self.t_ns, self.t_ns / NS_PER_S) if e.feed == "cameras"]

    def cameras(self) -> dict[str, Camera]:
        """As a console is told them."""
        return {e.id: decode_body("cameras", e.body) for e in self.core.snapshot("cameras")}

    def close(self) -> None:
        self.log.close()
        self.vault.close()


def write(folder: Path, *lines: str, head: str = HEAD) -> None:
    (folder / SITE_FILE).write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


@pytest.fixture
def opened() -> Iterator[list[Hub]]:
    made: list[Hub] = []
    yield made
    for hub in made:
        hub.close()


def test_without_a_file_the_world_is_served(tmp_path: Path, opened: list[Hub]) -> None:
    opened.append(hub := Hub(tmp_path))
    assert set(hub.cameras()) == {"cam-1", "cam-2"}


def test_the_site_stands_in_the_place_of_the_world(tmp_path: Path, opened: list[Hub]) -> None:
    write(tmp_path, GATE, BRIDGE)
    opened.append(hub := Hub(tmp_path))
    assert {c.number: c.stream(StreamKind.SUB).uri for c in hub.cameras().values()} == {
        "014": "rtsp://10.0.0.14/sub",
        "001": "rtsp://10.0.0.1/sub",
    }


def test_a_changed_file_is_taken_up_while_the_hub_runs(tmp_path: Path, opened: list[Hub]) -> None:
    opened.append(hub := Hub(tmp_path))
    write(tmp_path, GATE)
    assert sorted(hub.round()) == [("del", "cam-1"), ("del", "cam-2"), ("put", "cam-014")]
    assert hub.round() == []
    write(tmp_path, GATE.replace("Cổng chợ", "Cổng chợ mới"), BRIDGE)
    assert sorted(hub.round()) == [("put", "cam-001"), ("put", "cam-014")]
    assert hub.cameras()["cam-014"].name.vi == "Cổng chợ mới"
    write(tmp_path, BRIDGE)
    assert hub.round() == [("del", "cam-014")]


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [text for record in caplog.records if words in (text := record.getMessage())]


def test_a_bad_line_is_said_and_stops_nothing(
    tmp_path: Path, opened: list[Hub], expect_logs: ExpectLogs, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, GATE, BRIDGE, "003,Kiệt,rtsp://10.0.0.3/sub")
    opened.append(hub := Hub(tmp_path))
    with_secret = "014,Cổng chợ,rtsp://admin:hunter2@10.0.0.14/sub"
    write(tmp_path, with_secret, BRIDGE.replace("Cầu", "Cầu mới"), "002,Chợ", "003,Kiệt,rtsp://10.0.0.3/x,y")
    hub.round()
    assert hub.cameras()["cam-001"].name.vi == "Cầu mới"
    assert hub.cameras()["cam-014"].stream(StreamKind.SUB).uri == "rtsp://10.0.0.14/sub", "it stays as it was"
    assert hub.cameras()["cam-003"].stream(StreamKind.SUB).uri == "rtsp://10.0.0.3/sub", "one comma too many likewise"
    expect_logs("left out")
    words = said(caplog, "left out")
    assert [text.split(f"{SITE_FILE}: ")[1].split(":")[0].split(" has")[0] for text in words] == [
        "line 2", "line 4", "line 5",
    ]  # fmt: skip
    assert "hunter2" not in caplog.text


def test_a_file_that_is_no_table_changes_nothing(
    tmp_path: Path, opened: list[Hub], expect_logs: ExpectLogs, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, GATE)
    opened.append(hub := Hub(tmp_path))
    (tmp_path / SITE_FILE).write_bytes(b"\xff\xfe nonsense")
    assert hub.round() == []
    (tmp_path / SITE_FILE).unlink()
    assert hub.round() == []
    assert hub.round() == []
    assert set(hub.cameras()) == {"cam-014"}
    expect_logs("is not used")
    expect_logs("has gone")
    assert len(said(caplog, "has gone")) == 1, "said once"


def test_what_changed_while_the_hub_was_away_counts_at_its_start(tmp_path: Path, opened: list[Hub]) -> None:
    write(tmp_path, GATE, BRIDGE)
    Hub(tmp_path).close()
    write(tmp_path, BRIDGE)
    opened.append(hub := Hub(tmp_path))
    assert set(hub.cameras()) == {"cam-001"}


def test_the_worlds_word_on_a_camera_is_not_the_sites(tmp_path: Path, opened: list[Hub]) -> None:
    class Moving(TinyCity):
        def until(self, t_ns: int) -> Iterator[WorldEvent]:
            yield CameraMoved(t_ns, to_camera(CameraRow("014", "Cảnh vẽ", sub_uri="scene:014")))

    write(tmp_path, GATE)
    opened.append(hub := Hub(tmp_path, Moving(NOW, past_s=60)))
    assert hub.round() == []
    assert hub.cameras()["cam-014"].name.vi == "Cổng chợ"


def test_the_worlds_secrets_are_not_given_to_the_sites_cameras(tmp_path: Path, opened: list[Hub]) -> None:
    """The same number is another camera. What the site's people gave stays, whoever was first."""
    opened.append(hub := Hub(tmp_path))
    assert hub.vault.find(CAMERA, "cam-1") == {"user": "viewer", "password": "secret of cam-1"}
    hub.vault.keep([(CAMERA, "cam-2", {"user": "site", "password": "p2"})])
    write(tmp_path, "1,Cầu,rtsp://10.0.0.1/sub", "2,Chợ,rtsp://10.0.0.2/sub")
    hub.round()
    hub.round()
    assert hub.vault.find(CAMERA, "cam-1") is None
    assert hub.vault.find(CAMERA, "cam-2") == {"user": "site", "password": "p2"}
    hub.vault.keep([(CAMERA, "cam-1", {"user": "site", "password": "p1"})])
    hub.close()
    opened[:] = [hub := Hub(tmp_path)]
    assert hub.vault.find(CAMERA, "cam-1") == {"user": "site", "password": "p1"}
    assert hub.vault.find(REPORTER, "PA-1") is not None, "the control: what else the world tells is kept"


@pytest.mark.parametrize(
    ("row", "uri"),
    [
        (CameraRow("1", "x", sub_uri="rtsp://h/a", transport="udp"), "rtsp://h/a#udp"),
        (CameraRow("1", "x", sub_uri="rtsps://h/a", tls="pin:" + "ab" * 32), "rtsps://h/a#sha256=" + "ab" * 32),
        (CameraRow("1", "x", sub_uri="rtsp://h/a", tls="pin:" + "ab" * 32), "rtsp://h/a"),
        (CameraRow("1", "x", sub_uri="rtsps://h/a#sha256=cd", tls="pin:" + "ab" * 32), "rtsps://h/a#sha256=cd"),
    ],
)  # fmt: skip
def test_how_a_camera_is_reached_stands_behind_its_address(row: CameraRow, uri: str) -> None:
    assert to_camera(row).stream(StreamKind.SUB).uri == uri


def test_what_the_sweep_has_found_outlives_a_changed_table_and_a_restart(tmp_path: Path, opened: list[Hub]) -> None:
    write(tmp_path, GATE, BRIDGE)
    opened.append(hub := Hub(tmp_path))
    for id_ in ("cam-014", "cam-001"):
        found = msgspec.structs.replace(
            hub.cameras()[id_], online=False, reason="no answer in time", thumbnail="a" * 64, t_state_ns=NOW
        )
        hub.core.put("cameras", found, NOW)
    hub.round()
    write(tmp_path, GATE.replace("Cổng chợ", "Cổng chợ mới"), BRIDGE.replace("10.0.0.1/", "10.0.0.99/"))
    hub.round()
    renamed, moved = hub.cameras()["cam-014"], hub.cameras()["cam-001"]
    assert (renamed.name.vi, renamed.online, renamed.reason) == ("Cổng chợ mới", False, "no answer in time")
    assert (renamed.thumbnail, renamed.t_state_ns) == ("a" * 64, NOW)
    assert (moved.online, moved.reason, moved.thumbnail) == (True, "", ""), "of another address nothing is known"
    hub.close()
    opened[:] = [again := Hub(tmp_path)]
    assert not again.cameras()["cam-014"].online


# -- recorders ---------------------------------------------------------------------------------------

RECORDED = f"{HEAD},nvr,channel"
NVR = "id,maker,host\nnvr-1,hikvision,10.0.0.9\n"


def recorders(folder: Path, text: str) -> None:
    (folder / RECORDERS_FILE).write_text(text, encoding="utf-8")


def test_a_camera_says_which_recorder_keeps_its_pictures_and_the_hub_how(
    tmp_path: Path, opened: list[Hub], expect_logs: ExpectLogs, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, f"{GATE},nvr-1,3", f"{BRIDGE},nvr-2,1", head=RECORDED)
    opened.append(hub := Hub(tmp_path))
    assert [camera.recorder for camera in hub.cameras().values()] == ["", ""], "no table of recorders yet"
    assert hub.core.past_of("cam-014") is None

    expect_logs("camera 001: no past is played: there is no recorder nvr-2")
    recorders(tmp_path, NVR)
    assert hub.round() == [("put", "cam-014")], "taken up while the hub runs"
    assert hub.cameras()["cam-014"].recorder == "nvr-1"
    assert "10.0.0.9" not in repr(hub.cameras()), "consoles are told how when they ask"
    way = hub.core.past_of("cam-014")
    assert way is not None
    assert (way["maker"], way["host"], way["channel"]) == ("hikvision", "10.0.0.9", "3")
    assert hub.core.past_of("cam-001") is None

    recorders(tmp_path, NVR.replace("10.0.0.9", "10.0.0.8"))
    assert hub.round() == [], "the record is the same; the way is another"
    assert (hub.core.past_of("cam-014") or {})["host"] == "10.0.0.8"

    expect_logs("is not used, recorders stay as they are")
    recorders(tmp_path, "id,password\nnvr-1,geheim\n")
    assert hub.round() == []
    assert (hub.core.past_of("cam-014") or {})["host"] == "10.0.0.8"
    assert "geheim" not in caplog.text

    expect_logs("this line is left out")
    recorders(tmp_path, NVR + "nvr-2,samsung,10.0.0.7\n")
    assert hub.round() == []
    assert hub.core.past_of("cam-014") is not None


def test_a_channel_of_the_recorder_is_none_of_the_camera_s_own(tmp_path: Path) -> None:
    head = f"{HEAD},onvif,nvr,channel"
    gate, bridge, yard = (f"0{n},x,rtsp://10.0.0.{n}/sub,http://{{}}/onvif,{{}}" for n in (14, 15, 16))
    recorders(tmp_path, NVR)

    def channels(*lines: str) -> list[int]:
        write(tmp_path, *lines, head=head)
        site = SiteCameras(tmp_path)
        assert site.listing is not None
        return [device.channel for device in site.listing.devices.values()]

    assert channels(gate.format("10.0.0.14", "nvr-1,3")) == [0], "its own address: it is asked itself"
    assert channels(gate.format("10.0.0.9", "nvr-1,3")) == [3], "the recorder's"
    both = gate.format("10.1.0.9", "nvr-1,3"), bridge.format("10.1.0.9", "nvr-1,4")
    assert channels(*both, yard.format("10.0.0.16", "nvr-1,5")) == [3, 4, 0], "the recorder's other address"
    (tmp_path / RECORDERS_FILE).unlink()
    assert channels(gate.format("10.0.0.14", "nvr-1,3")) == [3], "rather none than another one"
