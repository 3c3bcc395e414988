"""Messages of the replicated log: whole commits in, the same out, however they are cut; halves never count."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.domain.feeds import Mode
from backends.domain.sensor import Sample
from backends.hub.ports import ActionRow
from backends.hub.replica_wire import BadEntry, Entry, Joiner, pack, unpack
from backends.protocol.messages import Envelope, FeedHead


def entry(seed: int, envelopes: int, samples: int = 0, outcomes: int = 0) -> Entry:
    chance = random.Random(seed)
    return Entry(
        "commit", 3, "a/1", f"id-{seed}", {"alarms": FeedHead("e", envelopes)},
        tuple(
            Envelope(Mode.TEST, "alarms", "e", n + 1, 7, "put", f"a{n}", 1, "",
                     msgspec.Raw(msgspec.json.encode({"x": chance.randbytes(150).hex()})))
            for n in range(envelopes)
        ),
        tuple(Sample(f"s{n}", n, chance.random()) for n in range(samples)),
        ActionRow("aid", "desk", b"\x00\xff", "applied"),
        tuple(ActionRow(f"o{n}", "desk", chance.randbytes(32), "applied") for n in range(outcomes)),
        {"k": "v"},
    )  # fmt: skip


def joined(messages: list[bytes]) -> list[Entry]:
    joiner = Joiner()
    return [whole for raw in messages if (whole := joiner.take(unpack(raw))) is not None]


@given(st.integers(0, 60), st.integers(0, 200), st.integers(0, 40), st.integers(1500, 20_000))
def test_a_commit_comes_out_as_it_went_in_however_it_is_cut(
    envelopes: int, samples: int, outcomes: int, limit: int
) -> None:
    given_ = entry(1, envelopes, samples, outcomes)
    messages = pack(given_, limit)
    assert all(len(raw) <= limit for raw in messages)
    assert joined(messages) == [given_]


def test_half_a_commit_never_happened() -> None:
    first, second = entry(1, 60), entry(2, 1)
    parts = pack(first, 4000)
    assert len(parts) > 2
    for cut in range(1, len(parts)):
        assert joined([*parts[:cut], *pack(second)]) == [second]
        assert joined([*parts[:cut], *parts]) == [first], "begun again from its first part"
        assert joined([*parts[cut:], *pack(second)]) == [second], "read from the middle of it"
    assert joined([parts[0], *parts[2:]]) == []


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(BadEntry, match="cannot be read"):
        unpack(b"no message of ours")
    newer = pack(msgspec.structs.replace(entry(1, 1), v=2))
    with pytest.raises(BadEntry, match="newer hub"):
        unpack(newer[0])
