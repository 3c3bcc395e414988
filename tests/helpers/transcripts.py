"""Golden transcripts: recorded from the reference hub, and replayed against it (docs/protocol/transcripts).

`python -m helpers.transcripts` (with tests/ on the path) records all scenes of transcript_scenes.py and of
transcript_calls.py anew. What differs from run to run is known by the name of its field: times are shifted, epochs,
ids and tokens are bound where they first appear, counts are compared by their type.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from helpers.hub_people import make_accounts
from helpers.hub_process import HubProcess, WireClient

from backends.adapters.cameras_csv import SITE_FILE
from backends.domain.limits import day_of

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "protocol" / "transcripts"
STATION = "desk-1"
LONGEST = 3
"""Elements of a list in a transcript; longer ones are cut."""
BOUND = frozenset({"epoch", "id", "instance", "target", "token", "server"})
"""Texts that another run has otherwise, and that stay the same within one."""
TIMES = frozenset({"made_at_ns", "expires_at_ns", "until_ns", "t0", "t1"})
EXACT = frozenset({"n", "request", "part", "parts", "version", "hb_ms", "sent", "size"})
"""Numbers that must be the same; others are only numbers."""
MAYBE = frozenset({"oldest"})
"""Fields that are left out at their default, which they have or not by the moment."""
WORDS = frozenset({"vi", "en", "text"})
"""Texts for people, with figures in them."""
TODAY = "valid_from"
"""A day: today's, whenever it is played."""
Line = dict[str, Any]


class Stage:
    """A fresh hub with its stations. Context manager."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        more = {key: value for key, value in options.items() if key not in ("table", "files")}
        self._hub = HubProcess(folder, **{"past_s": 120, "resume": "always", **more})
        if table := options.get("table"):
            (folder / SITE_FILE).write_text("\n".join(table), encoding="utf-8")
        for name, text in options.get("files", {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        if options.get("sign_in") == "password":
            make_accounts(folder)
        self._ready = self._hub.start()
        self._clients: dict[str, WireClient] = {}

    def client(self, station: str = STATION) -> WireClient:
        """A station's sockets, with LIVE running."""
        if station not in self._clients:
            self._clients[station] = made = WireClient(self._ready, self._hub.keys(station))
            made.until_live(b"1/hb/")
        return self._clients[station]

    def do(self, what: str) -> None:
        """What the world does: "stop" or "start" of the hub."""
        if what == "stop":
            self._hub.stop()
        else:
            self._ready = self._hub.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._hub.__exit__()


def send(client: WireClient, line: Line) -> None:
    """A console's line, as it stands."""
    raw = line["text"].encode() if "text" in line else json.dumps(line["message"], ensure_ascii=False).encode()
    more = [base64.b64decode(line["bytes"])] if "bytes" in line else []
    client.ctl.send_multipart([b"1", raw, *more])


def receive(client: WireClient) -> tuple[dict[str, Any], bytes | None]:
    """The next answer on CTL, with its third frame."""
    assert client.ctl.poll(20_000), "no answer on CTL"
    frames = client.ctl.recv_multipart()
    return json.loads(frames[1]), frames[2] if len(frames) > 2 else None


class Scribe:
    """Plays a scene and writes down what was said."""

    def __init__(self, stage: Stage, title: str, options: dict[str, Any]) -> None:
        self._stage = stage
        self.lines: list[Line] = [{"from": "world", "note": title, "do": "begin", "hub": options}]

    def _write(self, who: str, station: str, note: str, **rest: Any) -> None:
        where = {"station": station} if station != STATION else {}
        self.lines.append({"from": who, **where, **({"note": note} if note else {}), **rest})

    def say(
        self, note: str, message: dict[str, Any], *, answers: int = 1, station: str = STATION, data: bytes | None = None
    ) -> dict[str, Any]:
        """A message of a console and its answers; returns the last of these."""
        more = {"bytes": base64.b64encode(data).decode()} if data is not None else {}
        self._write("console", station, note, message=message, **more)
        client = self._stage.client(station)
        send(client, self.lines[-1])
        return self.hear(answers, station)

    def hear(self, answers: int = 1, station: str = STATION, note: str = "") -> dict[str, Any]:
        """Answers on CTL; returns the last."""
        message: dict[str, Any] = {}
        for _ in range(answers):
            message, data = receive(self._stage.client(station))
            more = {"bytes": base64.b64encode(data).decode()} if data is not None else {}
            short = cut(message)
            self._write(
                "hub", station, note or ("lists are cut here" if short != message else ""), message=short, **more
            )
        return message

    def spoil(self, note: str, text: str) -> None:
        """Text that breaks a rule, then a PING that shows that nothing else came."""
        self._write("console", STATION, note, text=text)
        send(self._stage.client(), self.lines[-1])

    def live(self, note: str, wanted: Callable[[dict[str, Any]], bool], topic: bytes = b"1/hb/") -> dict[str, Any]:
        """A message on LIVE."""
        message = self._stage.client().until_live(topic, wanted)
        self._write("live", STATION, note, message=cut(message))
        return message

    def world(self, note: str, do: str) -> None:
        self.lines.append({"from": "world", "note": note, "do": do})
        self._stage.do(do)


def cut(value: Any) -> Any:
    """The same with every list at most LONGEST long, but for texts and samples of one record."""
    if isinstance(value, dict):
        return {key: cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        few = value if all(isinstance(inner, str) for inner in value) else value[:LONGEST]
        return [cut(inner) for inner in few]
    return value


class Replay:
    """One transcript against a fresh hub. Raises AssertionError with the line's number."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._bound: dict[str, str] = {}
        self._seqs: dict[tuple[str, int], int] = {}
        self._shift_ns = 0
        self._today = ""

    def run(self, folder: Path) -> int:
        """Returns how many answers were compared."""
        compared = 0
        first, *lines = self._lines
        assert first["do"] == "begin"
        with Stage(folder, first["hub"]) as stage:
            for number, line in enumerate(lines, start=2):
                if line["from"] == "world":
                    stage.do(line["do"])
                    continue
                client = stage.client(line.get("station", STATION))
                if line["from"] == "console":
                    send(client, self._now(line))
                    continue
                if line["from"] == "hub":
                    message, data = receive(client)
                    assert ("bytes" in line) == (data is not None)
                    self._compare(number, line["message"], message)
                else:
                    self._live(number, line["message"], client)
                compared += 1
        return compared

    def _compare(self, number: int, expected: dict[str, Any], actual: dict[str, Any]) -> None:
        problem = self._differs(expected, actual, "", expected.get("feed", ""))
        assert not problem, f"line {number}: {problem}\nexpected {expected}\ngot      {actual}"
        if expected.get("msg") == "WELCOME" and not self._shift_ns:
            self._shift_ns = actual["now"] - expected["now"]
            self._today = day_of(actual["now"])

    def _live(self, number: int, expected: dict[str, Any], client: WireClient) -> None:
        """The first message on LIVE that fits; others are none of this conversation's business."""
        seen = []
        end_s = time.monotonic() + 20
        while time.monotonic() < end_s:
            _, actual = client.message()
            if actual.get("feed") == expected.get("feed"):
                before = dict(self._bound), dict(self._seqs)
                problem = self._differs(expected, actual, "", expected.get("feed", ""))
                if not problem:
                    return
                self._bound, self._seqs = before
                seen.append(problem)
        raise AssertionError(f"line {number}: nothing on LIVE fits: {seen[-3:]}")

    def _differs(self, expected: Any, actual: Any, key: str, feed: str) -> str:
        """What does not fit, in words; empty = it fits. Binds on the way."""
        if isinstance(expected, dict):
            if not isinstance(actual, dict) or (key != "heads" and (expected.keys() ^ actual.keys()) - MAYBE):
                return f"{key or 'the message'} has other fields"
            inside = (
                self._differs(v, actual.get(k), k, k if key in ("feeds", "heads") else feed)
                for k, v in expected.items()
                if k in actual or k not in MAYBE
            )
            return next(filter(None, inside), "")
        if isinstance(expected, list):
            if not isinstance(actual, list) or (
                len(actual) != len(expected) if len(expected) < LONGEST else len(actual) < LONGEST
            ):
                return f"{key} has {len(actual) if isinstance(actual, list) else actual} elements"
            inside = (self._differs(e, a, key, feed) for e, a in zip(expected, actual, strict=False))
            return next(filter(None, inside), "")
        if isinstance(expected, str) and isinstance(actual, str):
            if key in BOUND:
                return "" if self._bound.setdefault(expected, actual) == actual else f"{key} {actual!r}"
            return (
                ""
                if key in WORDS or expected == actual or key in ("until_ns", TODAY)
                else f"{key}: {actual!r}, not {expected!r}"
            )
        if isinstance(expected, bool) or expected is None or isinstance(actual, bool) or key in EXACT:
            same = expected == actual or (key == "value" and (expected is None or actual is None))
            return "" if same else f"{key}: {actual!r}, not {expected!r}"
        if isinstance(expected, int | float) and isinstance(actual, int | float):
            self._seqs[(feed, int(expected))] = int(actual)
            return ""
        return "" if key == "value" else f"{key}: {actual!r}, not {expected!r}"

    def _now(self, value: Any, key: str = "", feed: str = "") -> Any:
        """A console's line in the terms of this run."""
        if isinstance(value, dict):
            here = value.get("feed", feed) if isinstance(value.get("feed", ""), str) else feed
            return {k: self._now(v, k, k if key == "cursors" else here) for k, v in value.items()}
        if isinstance(value, list):
            return [self._now(inner, key, feed) for inner in value]
        if isinstance(value, str):
            if key in TIMES:
                return str(int(value) + self._shift_ns)
            if key == TODAY:
                return self._today
            return self._bound.get(value, value)
        if isinstance(value, int) and key in TIMES and value:
            return value + self._shift_ns
        if isinstance(value, int) and key in ("after", "seq"):
            return self._seqs.get((feed, value), value)
        return value


def read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def record(folder: Path, only: list[str]) -> Iterator[str]:
    """Play scenes and write their transcripts; the names of what was written."""
    from helpers.transcript_calls import SCENES

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jsonl"):
        if old.stem not in SCENES:
            old.unlink()
    for name, (title, options, play) in SCENES.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as data, Stage(Path(data), options) as stage:
            scribe = Scribe(stage, title, options)
            play(scribe)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in scribe.lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
        yield name


if __name__ == "__main__":
    for done in record(FOLDER, sys.argv[1:]):
        print(done)
