"""WS-Discovery on the loopback interface: who answers, and what a false answer cannot do."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from helpers.onvif_device import MANNERS
from helpers.onvif_segment import Segment, answer, match

from backends.onvif.discovery import GROUP, MOST_DEVICES, discover, read_matches
from backends.video.faults import SourceFault


def found_on(segment: Segment, wait_s: float = 0.4) -> list[tuple[str, str]]:
    return [(one.url, one.name) for one in discover("127.0.0.1", wait_s, (GROUP, segment.port))]


@pytest.fixture
def segment() -> Iterator[Segment]:
    made = Segment()
    yield made
    made.close()


def test_devices_answer_a_multicast_probe(segment: Segment) -> None:
    scopes = "onvif://www.onvif.org/name/C%E1%BB%95ng%201 onvif://www.onvif.org/hardware/Eye4 onvif://www.onvif.org/x"
    segment.answers = lambda message: [
        answer(message, match("urn:uuid:2", "http://127.0.0.1:82/onvif/device_service", scopes)),
        answer(message, match("urn:uuid:1", "http://10.0.0.9/onvif/device_service http://127.0.0.1:81/x")),
        answer(message, match("urn:uuid:2", "http://127.0.0.1:99/again")),
    ]
    first, second = discover("127.0.0.1", 0.4, (GROUP, segment.port))
    assert (first.url, first.endpoint, first.elsewhere) == ("http://127.0.0.1:81/x", "urn:uuid:1", False)
    assert (second.name, second.model, second.sender) == ("Cổng 1", "Eye4", "127.0.0.1")
    assert b"dn:NetworkVideoTransmitter" in segment.probes[0]


def test_a_lost_probe_is_sent_again_and_the_time_is_kept(segment: Segment) -> None:
    segment.answers = lambda message: (
        [answer(message, match("urn:uuid:1", "http://127.0.0.1/a"))] if len(segment.probes) == 3 else []
    )
    began = time.monotonic()
    assert found_on(segment, 1.5) == [("http://127.0.0.1/a", "")]
    assert 1.4 < time.monotonic() - began < 2.5


@pytest.mark.parametrize("kind", sorted(MANNERS))
def test_rubbish_hides_nobody(segment: Segment, kind: str) -> None:
    segment.answers = lambda message: [
        MANNERS[kind][:60_000],
        answer("urn:uuid:another", match("urn:uuid:7", "http://127.0.0.1/old")),
        answer(message, match("urn:uuid:1", "http://127.0.0.1/a")),
    ]
    assert found_on(segment) == [("http://127.0.0.1/a", "")]


@pytest.mark.parametrize(
    "xaddr", ["file:///etc/passwd", "http://u:p@10.0.0.1/", "http://", "http://a:0/", "http://[", ""]
)
def test_what_is_no_address_is_not_found(xaddr: str) -> None:
    assert read_matches(answer("m", match("urn:uuid:1", xaddr)), "10.0.0.1", "m") == []
    (heard,) = read_matches(answer("m", match("urn:uuid:1", f"{xaddr} http://10.0.0.2/x")), "10.0.0.1", "m")
    assert heard.url == "http://10.0.0.2/x"
    assert heard.elsewhere


def test_a_flood_of_devices_ends(monkeypatch: pytest.MonkeyPatch, segment: Segment) -> None:
    assert MOST_DEVICES == 2048
    monkeypatch.setattr("backends.onvif.discovery.MOST_DEVICES", 50)

    def flood(message: str) -> list[bytes]:
        return [answer(message, match(f"urn:uuid:{n}", f"http://127.0.0.1/{n}")) for n in range(200)]

    segment.answers = flood
    began = time.monotonic()
    assert len(found_on(segment, 30)) == 50
    assert time.monotonic() - began < 10


def test_damaged_datagrams_never_raise() -> None:
    whole = answer("m", match("urn:uuid:1", "http://10.0.0.1/x", "onvif://www.onvif.org/name/a"))
    chance = random.Random(4)
    for _ in range(1000):
        raw = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
        for _ in range(chance.randrange(4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        assert len(read_matches(bytes(raw), "10.0.0.1", "m")) <= 1


def test_an_interface_that_is_not_here() -> None:
    for interface in ("192.0.2.77", "eth0"):
        with pytest.raises(SourceFault, match="no IPv4 address of this machine"):
            discover(interface, 0.1)


def test_what_only_mentions_our_probe_is_no_answer_to_it() -> None:
    one = match("urn:uuid:1", "http://10.0.0.1/x")
    assert len(read_matches(answer("urn:uuid:ours", one), "10.0.0.1", "urn:uuid:ours")) == 1
    other = answer("urn:uuid:theirs", one, match("urn:uuid:ours", "http://10.0.0.1/y"))
    assert read_matches(other, "10.0.0.1", "urn:uuid:ours") == []
