"""From what the hub says of a recorder to an address: every column counts, and no password stands in it."""

from __future__ import annotations

import threading

import pytest

from backends.adapters.recorders_csv import RecorderRow, way_to
from backends.domain.camera import StreamKind
from backends.domain.replay import is_past, span_text
from backends.video.nvr.past import MakersPast, read_past
from backends.video.nvr.templates import Maker
from console.feed_past import PastDesk

T0 = 1_795_162_500_000_000_000
T1 = T0 + 600_000_000_000
PIN = "ab" * 32


def opened(
    row: RecorderRow, channel: int = 3, span: str = span_text(T0, T1)
) -> tuple[dict[str, str], list[tuple[str, ...]]]:
    """(what the screen is told, what the decoders are allowed)."""
    allowed: list[tuple[str, ...]] = []
    told: list[dict[str, str]] = []
    came = threading.Event()
    desk = PastDesk(lambda *key: allowed.append(key))

    def take(values: dict[str, str]) -> None:
        told.append(values)
        came.set()

    desk.open("ha", "cam-014", span, {**way_to(row, channel), "user": "op", "password": "ge heim"}, take)
    assert came.wait(20)
    return told[0], allowed


def test_every_column_counts() -> None:
    row = RecorderRow("nvr-1", "dahua", "10.0.0.9", 8554, f"pin:{PIN}", "Asia/Ho_Chi_Minh", -3.5, 33, "sub")
    told, allowed = opened(row)
    assert set(told) == {"uri"}
    assert allowed == [("ha", "cam-014", "op", "ge heim", told["uri"])]
    assert is_past(told["uri"])
    assert "heim" not in told["uri"]
    past = read_past(told["uri"])
    assert isinstance(past, MakersPast)
    device = past.device
    assert (device.maker, device.host, device.port, device.tls) == (Maker.DAHUA, "10.0.0.9", 8554, True)
    assert (device.zone, device.ahead_s, device.first_channel) == ("Asia/Ho_Chi_Minh", -3.5, 33)
    assert (past.channel, past.kind, past.pin) == (3, StreamKind.SUB, PIN)
    assert (past.span.t0_ns, past.span.t1_ns) == (T0, T1)


@pytest.mark.parametrize(("tls", "port"), [("", 554), ("verify", 322)])
def test_the_usual_ports(tls: str, port: int) -> None:
    told, _ = opened(RecorderRow("nvr-1", "hikvision", "fe80::1", tls=tls))
    past = read_past(told["uri"])
    assert isinstance(past, MakersPast)
    assert (past.device.host, past.device.port, past.pin) == ("fe80::1", port, "")


@pytest.mark.parametrize("way", ["hikvision", "onvif"])
def test_what_cannot_be_is_told_in_words_and_allows_nothing(way: str) -> None:
    row = RecorderRow("nvr-1", way, "127.0.0.1", 9)
    told, allowed = opened(row, channel=0)
    assert (list(told), allowed) == (["trouble"], [])
    assert told["trouble"]
    assert not [secret for secret in ("heim", "127.0.0.1") if secret in told["trouble"]]
    told, allowed = opened(row, span="hôm qua")
    assert (list(told), allowed) == (["trouble"], [])


def test_a_slow_recorder_is_not_asked_for_what_nobody_wants_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten jumps while the first question is on its way: the last one counts, the others end."""
    first, go_on, asked = threading.Event(), threading.Event(), list[int]()

    class Slow:
        def __init__(self, login: object) -> None: ...

        def past(self, channel: int, t0_ns: int, t1_ns: int | None = None) -> str:
            asked.append(t0_ns)
            first.set()
            assert go_on.wait(20)
            return f"onvif-replay://10.0.0.9/{t0_ns}"

    monkeypatch.setattr("console.feed_past.OnvifRecorder", Slow)
    desk, told, all_told = PastDesk(lambda *key: None), list[dict[str, str]](), threading.Event()

    def take(values: dict[str, str]) -> None:
        told.append(values)
        if len(told) == 11:
            all_told.set()

    values = {**way_to(RecorderRow("nvr-1", "onvif", "10.0.0.9"), 1), "user": "", "password": ""}
    desk.open("ha", "cam-014", span_text(T0, T1), values, take)
    assert first.wait(20)
    for n in range(1, 11):
        desk.open("ha", "cam-014", span_text(T0 + n * 1_000_000_000, T1), values, take)
    go_on.set()
    assert all_told.wait(20)
    assert asked == [T0, T0 + 10_000_000_000]
    assert sum("uri" in values for values in told) == 2
