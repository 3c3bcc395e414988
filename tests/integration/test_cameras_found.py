"""`ioc-console cameras discover` and `import-nvr`: from devices to a table that `cameras import` takes."""

from __future__ import annotations

import functools
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.onvif_device import PASSWORD, USER, OnvifCamera
from helpers.onvif_segment import Segment, answer, match
from typer.testing import CliRunner

from backends.adapters.cameras_csv import SITE_FILE, CameraRow, read, write
from backends.hub.private import CAMERA, Vault
from backends.onvif import discovery
from console.cli import app
from console.find_cameras import Naming, Person, host_and_port


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    with OnvifCamera() as running:
        yield running


@pytest.fixture
def segment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Segment]:
    made = Segment()
    target = (discovery.GROUP, made.port)
    monkeypatch.setattr(discovery, "discover", functools.partial(discovery.discover, target=target))
    yield made
    made.close()


def told(*words: str, given: str = f"{PASSWORD}\n") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["cameras", *words], input=given)
    assert PASSWORD not in result.output
    return result.exit_code, result.output


def rows_in(file: Path) -> list[CameraRow]:
    return read(file.read_bytes())


def test_a_recorder_becomes_a_table_that_import_takes(camera: OnvifCamera, tmp_path: Path) -> None:
    camera.channels = 3
    camera.ahead_s = 3600
    found, secrets, site = tmp_path / "found.csv", tmp_path / "secrets.csv", tmp_path / "hub"
    place = ("--data-dir", str(site))
    code, output = told(
        "import-nvr", f"127.0.0.1:{camera.port}", str(found), "--user", USER, "--first", "098", "--nvr", "nvr-1",
        "--site", "cho", "--secrets", str(secrets), *place,
    )  # fmt: skip
    assert code == 0, output
    assert "its clock is +3600 s off" in output
    assert "Acme Eye 4, firmware 1.2.3; cameras: 3" in output
    first, _, third = rows_in(found)
    assert (first.number, first.nvr, first.channel, first.ptz, first.site) == ("098", "nvr-1", 1, True, "cho")
    assert (third.number, third.channel, third.name_vi) == ("100", 3, "nvr-1 kênh 3")
    assert (third.main_uri, third.sub_uri) == ("rtsp://127.0.0.1:554/main_3", "rtsp://127.0.0.1:554/sub_3")
    assert first.onvif == camera.url
    assert PASSWORD not in found.read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(secrets.stat().st_mode) == 0o600

    code, output = told("import", str(found), "--secrets", str(secrets), *place)
    assert code == 0, output
    assert [row.number for row in rows_in(site / SITE_FILE)] == ["098", "099", "100"]
    vault = Vault(site)
    try:
        assert vault.find(CAMERA, "cam-099") == {"user": USER, "password": PASSWORD}
    finally:
        vault.close()


def test_a_number_of_the_site_is_not_given_away(camera: OnvifCamera, tmp_path: Path) -> None:
    (tmp_path / SITE_FILE).write_bytes(write([CameraRow("901", "Cổng", main_uri="rtsp://10.0.0.1/a")]))
    words = ("import-nvr", f"127.0.0.1:{camera.port}", str(tmp_path / "f.csv"), "--user", USER, "--data-dir")
    code, output = told(*words, str(tmp_path))
    assert code == 1
    assert "number 901 is another camera's already" in output
    assert not (tmp_path / "f.csv").exists()


def test_a_wrong_password_is_said_and_nothing_written(camera: OnvifCamera, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    code, output = told(
        "import-nvr", f"127.0.0.1:{camera.port}", str(file), "--user", USER, "--data-dir", str(tmp_path), given="no\n"
    )
    assert code == 1
    assert "the camera refuses user name or password" in output
    assert not file.exists()
    assert camera.refusals == 1


def test_a_camera_whose_address_holds_a_password_is_left_out(camera: OnvifCamera, tmp_path: Path) -> None:
    camera.channels = 2
    camera.streams = "rtsp://127.0.0.1/user=a_password=b_{token}"
    words = ("import-nvr", camera.url, str(tmp_path / "f.csv"), "--user", USER, "--data-dir", str(tmp_path))
    code, output = told(*words)
    assert code == 1
    assert "channel 2 (video_2): left out: main_uri: holds a user or password" in output
    assert "nothing was written" in output


@pytest.mark.parametrize(
    ("maker", "main", "sub"),
    [
        ("hikvision", "rtsp://nvr.site/Streaming/Channels/201", "rtsp://nvr.site/Streaming/Channels/202"),
        ("hikvision-old", "rtsp://nvr.site/h264/ch2/main/av_stream", "rtsp://nvr.site/h264/ch2/sub/av_stream"),
        (
            "dahua", "rtsp://nvr.site/cam/realmonitor?channel=2&subtype=0",
            "rtsp://nvr.site/cam/realmonitor?channel=2&subtype=1",
        ),
    ],
)  # fmt: skip
def test_by_a_maker_s_addresses(tmp_path: Path, maker: str, main: str, sub: str) -> None:
    file = tmp_path / "f.csv"
    words = ("import-nvr", "nvr.site", str(file), "--maker", maker, "--channels", "4", "--data-dir", str(tmp_path))
    code, output = told(*words)
    assert code == 0, output
    assert "not asked" in output
    rows = rows_in(file)
    assert len(rows) == 4
    assert (rows[1].main_uri, rows[1].sub_uri, rows[1].nvr, rows[1].channel) == (main, sub, "nvr.site", 2)
    code, output = told(*words)
    assert code == 1
    assert "is there already" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a", "f", "--maker", "hikvison", "--channels", "1"), '"hikvison" is not known; known are onvif, hikvision'),
        (("a", "f", "--maker", "dahua"), "--channels"),
        (("a", "f", "--maker", "dahua", "--channels", "1", "--first", "x"), "does not end in a number"),
        (("u:p@a", "f", "--maker", "dahua", "--channels", "1"), "without a user or password"),
        (("127.0.0.1:9", "f"), "connection refused"),
        (("a", "f", "--maker", "dahua", "--channels", "1", "--secrets", "s"), "there is no user to write"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    host, file, *more = words
    code, output = told("import-nvr", host, str(tmp_path / file), *more, "--data-dir", str(tmp_path))
    assert code == 1
    assert said in output
    assert list(tmp_path.iterdir()) == []


def test_devices_of_a_segment(segment: Segment, camera: OnvifCamera, tmp_path: Path) -> None:
    scopes = "onvif://www.onvif.org/name/Gate onvif://www.onvif.org/hardware/E4"
    segment.answers = lambda message: [
        answer(message, match("urn:uuid:1", camera.url, scopes)),
        answer(message, match("urn:uuid:2", "http://192.0.2.9/onvif/device_service")),
        answer(message, match("urn:uuid:3", "http://127.0.0.1:9/onvif/device_service")),
    ]
    code, output = told("discover", "--interface", "127.0.0.1", "--wait", "0.5")
    assert code == 0
    assert f"{camera.url}  Gate, E4\n" in output
    assert "http://192.0.2.9/onvif/device_service  (the answer came from 127.0.0.1)\n" in output
    assert "devices: 3" in output
    assert camera.asked == [], "nobody is asked, and no password shown, without a file"

    file = tmp_path / "f.csv"
    words = ("--interface", "127.0.0.1", "--wait", "0.5", "--user", USER, "--data-dir", str(tmp_path))
    code, output = told("discover", str(file), *words)
    assert code == 0, output
    assert "http://127.0.0.1:9/onvif/device_service: connection refused" in output
    assert "http://192.0.2.9/onvif/device_service: not asked" in output
    (row,) = rows_in(file)
    assert (row.number, row.name_vi, row.onvif, row.nvr) == ("901", "Gate", camera.url, "")


def test_nobody_answers(segment: Segment) -> None:
    code, output = told("discover", "--interface", "127.0.0.1", "--wait", "0.5")
    assert code == 0
    assert output == "no device answered; a firewall may hold back UDP port 3702\n"


def test_numbers_count_on_with_their_zeros() -> None:
    assert [Naming("A-098").number(n) for n in (0, 1, 2)] == ["A-098", "A-099", "A-100"]


def test_hosts() -> None:
    assert host_and_port("[fe80::1]:80") == ("fe80::1", 80)
    assert host_and_port("http://nvr.site/onvif/device_service") == ("nvr.site", 0)
    assert repr(Person("a", "b")) == "Person()"
