"""`ioc-console conform` on the command line: addresses, keys, the report, exit status, and --restart."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.small_backend import SmallBackend
from helpers.small_people import SECRET
from helpers.waiting import wait_for
from typer.testing import CliRunner, Result

from backends.conform import presence, wire
from backends.conform.room import Room
from backends.conform.run import CHECKS
from backends.domain.action import Action, Verb
from backends.domain.feeds import Mode
from backends.hub.keys import ensure_station_keys
from backends.protocol.messages import Act, BlobPut, Fetch, History, Reveal, Revealed, Series, SignIn
from console.cli import app

Arguments = list[str]


@pytest.fixture
def backend() -> Iterator[SmallBackend]:
    made = SmallBackend()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def arguments(backend: SmallBackend, tmp_path: Path) -> Arguments:
    """What names the backend and the station."""
    backend.client_public = ensure_station_keys(tmp_path, "desk-1").public
    ctl, live = backend.addresses
    key = str(tmp_path / "desk-1.key_secret")
    return ["conform", ctl, "--live", live, "--server-key", backend.public.decode(), "--key", key]


def invoke(arguments: Arguments) -> Result:
    return CliRunner().invoke(app, arguments)


def test_list_names_every_check_with_its_promise() -> None:
    result = invoke(["conform", "--list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == [check.name for check in CHECKS]
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_protocols_text_names_every_check() -> None:
    text = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    afternoon = text.split("### The afternoon")[1].split("\n## ")[0]
    assert {check.name for check in CHECKS} <= set(re.findall(r"[a-z-]+", afternoon))


def test_what_passes_is_said_and_status_is_0(arguments: Arguments) -> None:
    result = invoke([*arguments, "--only", "ping", "--only", "duplicate"])
    assert result.exit_code == 0, result.output
    first, second, last = result.output.splitlines()
    assert first.startswith("pass        ping")
    assert second.startswith("pass        duplicate")
    assert last == "2 passed, 0 failed, 0 skipped"


def test_what_fails_is_said_and_status_is_1(arguments: Arguments, backend: SmallBackend) -> None:
    backend.fault = "duplicate"
    result = invoke([*arguments, "--only", "duplicate"])
    assert result.exit_code == 1
    assert "fail        duplicate" in result.output
    assert "0 passed, 1 failed, 0 skipped; not conformant until all pass" in result.output


def test_a_skipped_check_says_what_to_provide_and_is_no_pass(arguments: Arguments) -> None:
    without_live = [a for i, a in enumerate(arguments) if a != "--live" and arguments[i - 1] != "--live"]
    result = invoke([*without_live, "--only", "gap", "--only", "restart"])
    assert result.exit_code == 1
    assert "no LIVE address is given: --live ADDRESS" in result.output
    assert "--restart COMMAND" in result.output
    assert "0 passed, 0 failed, 2 skipped" in result.output


def test_nothing_to_act_on_and_nobody_there_are_skipped(arguments: Arguments, backend: SmallBackend) -> None:
    backend.items["alarms"].clear()
    result = invoke([*arguments, "--only", "claim"])
    assert "no unacknowledged alarm to claim: provide one" in result.output
    backend.seated = ""
    result = invoke([*arguments, "--only", "action"])
    assert "nobody is signed in at this station: --person" in result.output
    assert result.exit_code == 1


def test_what_is_not_offered_is_said_and_is_neither_a_pass_nor_a_fault(
    arguments: Arguments, backend: SmallBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "UNKNOWN_S", 0.5)
    backend.without = ("LEASE",)
    backend.items["cameras"].clear()
    names = ("ping", "lease", "lease-held", "sees")
    result = invoke([*arguments, *(word for name in names for word in ("--only", name))])
    assert result.exit_code == 0, result.output
    _, lease, held, sees, last = result.output.splitlines()
    assert lease.startswith("not offered lease ")
    assert lease.endswith(": LEASE gets no answer, and no camera has `turns`")
    assert held.startswith("not offered lease-held ")
    assert sees.endswith(": there is no camera in the directory")
    assert last == "1 passed, 0 failed, 0 skipped, 3 not offered"


def test_a_camera_that_turns_is_offered(
    arguments: Arguments, backend: SmallBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "UNKNOWN_S", 0.5)
    backend.without = ("LEASE",)
    result = invoke([*arguments, "--only", "lease"])
    assert result.exit_code == 1
    assert "camera cam-1 has `turns`, and LEASE gets no answer" in result.output


def test_a_second_person_has_a_station_of_his_own(arguments: Arguments, backend: SmallBackend, tmp_path: Path) -> None:
    only = ["--only", "lease-held", "--only", "sees-disagree"]
    result = invoke([*arguments, *only])
    assert result.output.count("nobody at a second station: --other-key FILE") == 2
    assert "0 passed, 0 failed, 2 skipped" in result.output
    backend.other_public = ensure_station_keys(tmp_path, "desk-2").public
    result = invoke([*arguments, *only, "--other-key", str(tmp_path / "desk-2.key_secret")])
    assert result.exit_code == 0, result.output
    result = invoke([*arguments, *only, "--other-key", str(tmp_path / "desk-1.key_secret")])
    assert "the second station, or the person there, is the same" in result.output
    assert "the second station is the same" in result.output
    assert "--other-key: name the secret" in invoke([*arguments, "--other-person", "minh"]).output


def test_people_sign_in_and_an_administrator_too(arguments: Arguments, backend: SmallBackend, tmp_path: Path) -> None:
    backend.signs_in = True
    (tmp_path / "secret").write_text(SECRET + "\n", encoding="utf-8")
    secret = str(tmp_path / "secret")
    only = ["--only", "sign-out", "--only", "accounts-change", "--only", "configure"]
    result = invoke([*arguments, *only])
    assert result.output.count("--person NAME") == 3
    signed_in = [*arguments, *only, "--person", "op", "--secret", secret]
    assert invoke(signed_in).output.count("--admin-person ID") == 2
    result = invoke([*signed_in, "--admin-person", "adm", "--admin-secret", secret])
    assert result.exit_code == 0, result.output


def test_a_verb_that_is_in_no_grants_and_unsupported_is_not_offered(
    arguments: Arguments, backend: SmallBackend
) -> None:
    backend.without = ("step", "hand_over")
    result = invoke([*arguments, "--only", "step", "--only", "handover", "--only", "grants"])
    assert result.exit_code == 0, result.output
    assert "step is not in `grants`, and is unsupported" in result.output
    assert "hand_over is not in `grants`, and is unsupported" in result.output
    assert result.output.splitlines()[-1] == "1 passed, 0 failed, 0 skipped, 2 not offered"


def test_what_grants_name_is_offered(arguments: Arguments, backend: SmallBackend) -> None:
    backend.unsupported = ("step", "release")
    result = invoke([*arguments, "--only", "step", "--only", "grants", "--only", "release"])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("0 passed, 2 failed, 0 skipped, 1 not offered"), result.output
    assert "`grants` name release, and ACT release on reports" in result.output
    assert "release on alarms is unsupported" in result.output


def test_a_message_without_an_answer_is_not_offered_unless_a_right_needs_it(
    arguments: Arguments, backend: SmallBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "UNKNOWN_S", 0.3)
    backend.without = ("REVEAL", "CONFIDE", "BLOBGET", "ANCHORGET", "speaker")
    monkeypatch.setattr(presence, "SEEN_S", 0.3)
    names = ("reveal", "confide", "blob", "anchor", "speaker-over")
    result = invoke([*arguments, *(word for name in names for word in ("--only", name))])
    assert "`grants` name reveal_reporter, and REVEAL gets no answer" in result.output
    assert result.output.splitlines()[-1].startswith("0 passed, 1 failed, 0 skipped, 4 not offered"), result.output
    backend.without = (*backend.without, "reveal_reporter", "reveal_camera", "look_back")
    assert "REVEAL gets no answer" in (result := invoke([*arguments, "--only", "reveal"])).output
    assert result.exit_code == 0


def test_a_failure_names_the_request(backend: SmallBackend) -> None:
    backend.without = ("REVEAL",)
    with Room(backend.at("desk-1", "").place) as room, room.joined() as (peer, _):
        for message, said in (
            (Reveal(7, "reporter", "PA-1", "why"), "REVEAL reporter PA-1 (request 7)"),
            (History(4, "river", 0, 1), "HISTORY river (request 4)"),
            (Fetch("alarms", "e1", 3), "FETCH alarms after 3"),
            (SignIn(5, "ha", "hidden"), "SIGNIN ha (request 5)"),
            (BlobPut(9, "ab12", "image/png", 4, 2, 3), "BLOBPUT ab12 2 (request 9)"),
            (Act(Action("a-1", Verb.CLAIM, "alarms", "fire", 1, 1), Mode.DEMO), "ACT claim on alarms fire (aid a-1)"),
        ):
            assert wire.name_of(message) == said
        peer.send(Reveal(7, "reporter", "PA-1", "why"))
        with pytest.raises(wire.Failed, match=r"^REVEAL reporter PA-1 \(request 7\) got no REVEALED within 0.2 s$"):
            peer.expect(Revealed, about=wire.name_of(Reveal(7, "reporter", "PA-1", "why")), patience=wire.Patience(0.2))
        peer.send(History(4, "river", 0, 1))
        with pytest.raises(wire.Failed, match=r"^HISTORY river \(request 5\) was answered as request 4$"):
            peer.answer(History(5, "river", 0, 1), Series)


def test_json_is_one_object_a_check(arguments: Arguments) -> None:
    result = invoke([*arguments, "--only", "ping", "--json"])
    (line,) = result.output.splitlines()
    assert json.loads(line) | {"seconds": 0} == {
        "name": "ping", "verdict": "pass", "promise": CHECKS[2].promise, "seen": "answered", "seconds": 0,
    }  # fmt: skip


def test_the_restart_command_restarts(arguments: Arguments, backend: SmallBackend, tmp_path: Path) -> None:
    asked, done = tmp_path / "asked", tmp_path / "done"
    script = tmp_path / "restart.py"
    script.write_text(
        f"import pathlib, time\npathlib.Path({str(asked)!r}).touch()\n"
        f"while not pathlib.Path({str(done)!r}).exists(): time.sleep(0.02)\n"
    )

    def service() -> None:
        wait_for("the restart command", asked.exists)
        backend.restart()
        done.touch()

    thread = threading.Thread(target=service)
    thread.start()
    result = invoke([*arguments, "--only", "restart", "--restart", f'"{sys.executable}" "{script}"'])
    thread.join()
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({1: "10.0.0.5:7402"}, "must be tcp://HOST:PORT"),
        ({3: "nowhere"}, "must be tcp://HOST:PORT"),
        ({5: "short"}, "40 characters"),
        ({7: "/no/such/file"}, "--key"),
    ],
)
def test_a_wrong_command_line_is_said_with_status_2(arguments: Arguments, change: dict[int, str], word: str) -> None:
    result = invoke([change.get(i, argument) for i, argument in enumerate(arguments)])
    assert (result.exit_code, word in result.output) == (2, True), result.output


def test_an_unknown_check_and_a_public_file_as_key_are_said(arguments: Arguments, tmp_path: Path) -> None:
    assert "there is no check 'nothing'" in invoke([*arguments, "--only", "nothing"]).output
    public = str(tmp_path / "desk-1.key")
    assert "holds no secret key" in invoke([*arguments[:-1], public]).output
    assert "give the secret by --secret FILE" in invoke([*arguments, "--person", "ha"]).output
