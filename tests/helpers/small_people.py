"""People at the small backend: sessions, accounts, secrets, blobs, loudspeakers, anchors; kept or broken as
`small_backend` says."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING, Any

import msgspec

from backends.domain.access import GRANTS, AccountSeen, Right, may
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator, Role, Speaker, Station
from backends.domain.text import LocalText
from backends.protocol.codec import decode_body
from backends.protocol.messages import (
    BLOB_PART,
    Accounted,
    Accounts,
    Anchor,
    Anchored,
    AnchorGet,
    Anchors,
    Blob,
    BlobGet,
    BlobKept,
    BlobPut,
    Confide,
    Confided,
    Hello,
    Limits,
    Reveal,
    Revealed,
    Signed,
    SignIn,
    SignOut,
)

if TYPE_CHECKING:
    from helpers.small_backend import SmallBackend

SECRET = "conform: a secret"
SPEAKER_S = 1.0
PEOPLE = (
    Operator("op", "Thu Hà", "Hà", Role.SHIFT_LEAD, "desk-1"),
    Operator("op-2", "Trần Minh", "Minh", Role.OPERATOR, "desk-2"),
    Operator("adm", "Hồ Tuấn", "Tuấn", Role.ADMIN),
)
SEVERAL = {Reveal: Revealed, Confide: Confided, Accounts: Accounted, BlobPut: BlobKept}


class Account:
    """Of one person."""

    def __init__(self, person: Operator, secret: str, *, given: bool = False) -> None:
        self.person, self.secret, self.given = person, secret, given
        self.rev, self.disabled = 1, False


class SmallPeople:
    """In the backend's thread."""

    def __init__(self, backend: SmallBackend) -> None:
        self._backend = backend
        self._broken = backend.broken
        self._accounts = {person.id: Account(person, SECRET) for person in PEOPLE}
        self._sessions: dict[str, tuple[str, str]] = {}
        """Token -> person, station."""
        self._vault: dict[str, dict[str, str]] = {}
        self._answered: dict[bytes, Accounted] = {}
        self._blobs: dict[str, tuple[str, bytes]] = {}
        self._coming: dict[str, list[bytes]] = {}
        self._anchors: dict[str, list[tuple[int, str, int]]] = {}
        self._heard_s: dict[str, float] = {}
        self.forged = ""
        """Who an action said that acted."""

    # --- who is there ----------------------------------------------------------------------------

    def who(self, station: str, token: str) -> Operator | None:
        if not self._backend.signs_in:
            seat = self._backend.seat(station)
            return self._accounts[seat].person if seat else None
        person, where = self._sessions.get(token, ("", ""))
        if not person or (where != station and not self._broken("token-elsewhere")):
            return None
        account = self._accounts[person]
        return None if account.disabled else msgspec.structs.replace(account.person, station_id=station)

    def grants(self, person: Operator) -> tuple[str, ...]:
        return tuple(sorted(right.value for right in GRANTS[person.role] if right is not Right.KEEP_PRESET))

    def answer(self, station: str, message: Any, data: bytes) -> list[Any]:
        """None of these is known where it is in `without`."""
        self._heard_s[station] = time.monotonic()
        match message:
            case SignIn():
                return [self._sign_in(station, message)]
            case SignOut():
                if not self._broken("sign-out"):
                    self._sessions.pop(message.token, None)
                return [Signed(message.request, "signed_out")]
            case BlobGet():
                return self._give(message)
            case Anchor():
                return [self._anchor(station, message)]
            case AnchorGet():
                mine = self._anchors.get(station, [])
                return [Anchors(message.request, tuple(one for one in mine if one[0] > message.after))]
        person = self.who(station, message.token)
        careless = (
            ("reveal-session",) if isinstance(message, Reveal) else ("blob-session",) * isinstance(message, BlobPut)
        )
        if person is None and not any(self._broken(fault) for fault in careless):
            code = "not_allowed" if isinstance(message, BlobPut) else "nobody_signed_in"
            if isinstance(message, BlobPut):
                return [BlobKept(message.request, message.blob, 0, code)]
            if isinstance(message, Accounts) and self._broken("accounts"):
                return [Accounted(message.request, code, accounts=self._seen())]
            return [SEVERAL[type(message)](message.request, code)]
        someone = person or PEOPLE[0]
        match message:
            case Reveal():
                return [self._reveal(someone, message)]
            case Confide():
                return [self._confide(message)]
            case BlobPut():
                return [self._take(message, data)]
        return [self._change(someone, message)]

    def _sign_in(self, station: str, ask: SignIn) -> Signed:
        if not self._backend.signs_in:
            return Signed(ask.request, "not_here")
        account = self._accounts.get(ask.person)
        if account is None or ask.secret != account.secret:
            return Signed(ask.request, "unknown" if self._broken("sign-in") and account is None else "refused")
        if account.disabled:
            return Signed(ask.request, "disabled")
        token = secrets.token_urlsafe(32)
        self._sessions[token] = ask.person, station
        person = account.person
        return Signed(
            ask.request, "", "own_secret" if account.given else "", 0.0, token, person.id, person.name,
            person.role.value, self.grants(person), 0, 0.0 if account.given else 3600.0,
        )  # fmt: skip

    # --- accounts --------------------------------------------------------------------------------

    def _seen(self) -> tuple[AccountSeen, ...]:
        at: dict[str, set[str]] = {}
        for person, station in self._sessions.values():
            at.setdefault(person, set()).add(station)
        return tuple(
            AccountSeen(id_, one.person.name, one.person.role.value, one.rev, one.disabled, tuple(at.get(id_, ())))
            for id_, one in self._accounts.items()
        )

    def _change(self, person: Operator, ask: Accounts) -> Accounted:
        if not self._backend.signs_in:
            return Accounted(ask.request, "not_here")
        key = hashlib.sha256(msgspec.json.encode(ask)).digest()
        if key in self._answered and not self._broken("accounts-change"):
            return self._answered[key]
        code, secret = self._changed(person, ask)
        everybody = may(person.role, Right.MANAGE_ACCOUNTS) or may(person.role, Right.READ_AUDIT)
        seen = tuple(one for one in self._seen() if everybody or one.id == person.id)
        until = time.time_ns() + 10**13 if secret else 0
        answer = Accounted(ask.request, code, accounts=() if code else seen, secret=secret, until=until)
        if ask.act != "list" and not code:
            self._answered[key] = answer
            what = {"role": "account_role", "disable": "account_disabled"}.get(ask.act, f"account_{ask.act}")
            event = TimelineEvent(f"{ask.person}/{time.time_ns()}", time.time_ns(), what, ask.person, person.id)
            self._backend.append("timeline", event.id, event)
        return answer

    def _changed(self, person: Operator, ask: Accounts) -> tuple[str, str]:  # a table
        """(code, secret)."""
        account = self._accounts.get(ask.person)
        if ask.act == "list":
            return "", ""
        if ask.act == "own":
            return ("wrong_secret" if ask.old != self._accounts[person.id].secret else ""), ""
        if ask.act not in ("add", "role", "disable", "enable", "secret", "unlock"):
            return "bad_act", ""
        if not may(person.role, Right.MANAGE_ACCOUNTS) and not (
            self._broken("accounts-rights") and ask.act == "unlock"
        ):
            return "not_allowed", ""
        secret = secrets.token_urlsafe(12)
        if ask.act == "add":
            if not ask.person.replace("-", "").isalnum() or not ask.person.islower():
                return "bad_id", ""
            if not ask.name.strip():
                return "bad_name", ""
            if ask.role not in {*Role}:
                return "bad_role", ""
            if account is not None:
                return "exists", ""
            made = Operator(ask.person, ask.name, ask.name, Role(ask.role))
            self._accounts[ask.person] = Account(made, secret, given=True)
            return "", secret
        if account is None:
            return "unknown", ""
        if ask.person == person.id:
            return "self", ""
        if ask.act != "unlock" and ask.rev != account.rev:
            return "changed", ""
        account.rev += 1
        if ask.act == "secret":
            account.secret, account.given = secret, True
            return "", secret
        if ask.act == "role":
            account.person = msgspec.structs.replace(account.person, role=Role(ask.role))
        elif ask.act != "unlock":
            account.disabled = ask.act == "disable"
        return "", ""

    # --- secrets ---------------------------------------------------------------------------------

    def _reveal(self, person: Operator, ask: Reveal) -> Revealed:
        rights = {"reporter": Right.REVEAL_REPORTER, "camera": Right.REVEAL_CAMERA, "past": Right.LOOK_BACK}
        if ask.what not in rights:
            return Revealed(ask.request, "unknown")
        if not may(person.role, rights[ask.what]):
            return Revealed(ask.request, "not_allowed")
        reason = ask.reason.strip()
        spans = ask.what != "past" or "/" in reason
        if not (0 < len(reason) <= 200 and spans) and not self._broken("reveal"):
            return Revealed(ask.request, "bad_reason")
        values = self._vault.get(ask.target) if ask.what == "reporter" else None
        return Revealed(ask.request, "" if values else "unknown", values or {})

    def _confide(self, ask: Confide) -> Confided:
        if ask.target not in self._backend.items["reports"]:
            return Confided(ask.request, "unknown")
        fits = ask.values and ask.values.keys() <= {"name", "phone"}
        if not fits or not all(0 < len(text.strip()) <= 80 for text in ask.values.values()):
            return Confided(ask.request, "bad_values")
        known = self._vault.get(ask.target)
        if known is not None and not self._broken("confide"):
            return Confided(ask.request, "" if known == ask.values else "known")
        self._vault[ask.target] = ask.values
        if self._broken("confide-apart"):
            text = LocalText(ask.values.get("phone", ""))
            event = TimelineEvent(f"call/{ask.target}", time.time_ns(), "called", ask.target, "op", text)
            self._backend.append("timeline", event.id, event)
        return Confided(ask.request)

    # --- blobs -----------------------------------------------------------------------------------

    def _give(self, ask: BlobGet) -> list[Any]:
        if ask.blob not in self._blobs:
            return [Blob(ask.request, ask.blob, code="unknown")]
        media, data = self._blobs[ask.blob]
        media = "video/mp4" if self._broken("blob") else media
        parts = [data[at : at + BLOB_PART] for at in range(0, len(data), BLOB_PART)]
        return [
            (Blob(ask.request, ask.blob, media, len(data), n, len(parts)), part)
            for n, part in enumerate(parts, start=1)
        ]

    def _take(self, ask: BlobPut, data: bytes) -> BlobKept:
        if code := self._unfit(ask, data):
            return BlobKept(ask.request, ask.blob, 0, code)
        if ask.blob in self._blobs:
            return BlobKept(ask.request, ask.blob, ask.parts)
        have = self._coming.setdefault(ask.blob, [])
        if ask.part != len(have) + 1:
            return BlobKept(ask.request, ask.blob, ask.part if self._broken("blob-resumed") else len(have))
        have.append(data)
        if len(have) == ask.parts:
            if code := self._unfit(msgspec.structs.replace(ask, part=1), have[0]):
                del self._coming[ask.blob]
                return BlobKept(ask.request, ask.blob, 0, code)
            whole = b"".join(self._coming.pop(ask.blob))
            if hashlib.sha256(whole).hexdigest() != ask.blob:
                return BlobKept(ask.request, ask.blob, 0, "bad_hash")
            self._blobs[ask.blob] = ask.media, whole
        return BlobKept(ask.request, ask.blob, ask.part)

    def _unfit(self, ask: BlobPut, data: bytes) -> str:
        if len(ask.blob) != 64 or ask.blob != ask.blob.lower():
            return "bad_hash"
        if ask.size > Limits().blob:
            return "too_large"
        parts = -(-ask.size // BLOB_PART)
        size = BLOB_PART if ask.part < parts else ask.size - BLOB_PART * (parts - 1)
        if ask.parts != parts or not 1 <= ask.part <= parts or len(data) != size:
            return "bad_part"
        head = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff"}.get(ask.media)
        fits = head is not None and (ask.part > 1 or data.startswith(head))
        return "" if fits or self._broken("blob-refused") else "bad_media"

    # --- stations --------------------------------------------------------------------------------

    def hello(self, station: str, hello: Hello) -> None:
        self._heard_s[station] = time.monotonic()
        speaker = hello.speaker if hello.speaker is not None and len(hello.speaker.room) <= 40 else None
        if speaker is not None or not self._broken("speaker"):
            self._say(station, speaker)

    def look(self) -> None:
        """What ends by itself."""
        for station, heard_s in self._heard_s.items():
            if time.monotonic() - heard_s > SPEAKER_S and not self._broken("speaker-over"):
                self._say(station, None)

    def heard(self, station: str) -> None:
        self._heard_s[station] = time.monotonic()

    def _say(self, station: str, speaker: Speaker | None) -> None:
        found = self._backend.items["stations"].get(station)
        record = Station(station, station) if found is None else decode_body("stations", found.body)
        if record.speaker != speaker:
            moved = msgspec.structs.replace(record, speaker=speaker, rev=record.rev + 1)
            self._backend.append("stations", station, moved)

    def _anchor(self, station: str, anchor: Anchor) -> Anchored:
        mine = self._anchors.setdefault(station, [])
        code = ""
        if mine and anchor.n < mine[-1][0]:
            code = "behind"
        elif mine and anchor.n == mine[-1][0]:
            code = "differs" if mine[-1][1] != anchor.hash and not self._broken("anchor") else ""
        else:
            mine.append((anchor.n, anchor.hash, anchor.t))
        if code:
            event = TimelineEvent(f"{station}/{code}/{anchor.n}", time.time_ns(), f"anchor_{code}", station)
            self._backend.append("timeline", event.id, event)
        return Anchored(anchor.n, code)
