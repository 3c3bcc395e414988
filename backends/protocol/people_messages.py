"""Messages of the link about people: who signs in, who is seen, whose accounts there are. Part of `messages`.

What is secret in them travels inside CURVE only, is never stored or logged, and is left out where one is printed.
"""

from __future__ import annotations

from backends.domain.access import AccountSeen
from backends.protocol.message import Message


class SignIn(Message, frozen=True, tag="SIGNIN"):
    """Console: a person at this station. The secret travels inside CURVE only, and is never stored or logged."""

    request: int
    person: str
    secret: str

    def __repr__(self) -> str:
        return f"SignIn({self.request}, {self.person!r}, ...)"


class Signed(Message, frozen=True, tag="SIGNED"):
    """Hub: the answer of SIGNIN. `token` is bound to the station whose key asked."""

    request: int
    code: str = ""
    """Empty = signed in; "refused" (unknown person or wrong secret, never told apart), "wait" (too many tries:
    `retry_s`), "disabled", "not_here" (this hub seats people itself), "signed_out" (the answer of SIGNOUT);
    "expired": the secret was right, and somebody else gave it too long ago."""
    text: str = ""
    """"own_secret": it was given by somebody else, and one's own must be set."""
    retry_s: float = 0.0
    token: str = ""
    operator_id: str = ""
    name: str = ""
    role: str = ""
    grants: tuple[str, ...] = ()
    t_expires: int = 0
    offline_s: float = 0.0
    """For how long the station may let this person in without the hub."""

    def __repr__(self) -> str:
        return f"Signed({self.request}, code={self.code!r}, operator_id={self.operator_id!r}, ...)"


class SignOut(Message, frozen=True, tag="SIGNOUT"):
    """Console: this session ends now. Sent again until SIGNED says "signed_out"; an unknown token is out already."""

    request: int
    token: str

    def __repr__(self) -> str:
        return f"SignOut({self.request}, ...)"


class Reveal(Message, frozen=True, tag="REVEAL"):
    """Console: something that never travels on LIVE, for a person with the right, who says why."""

    request: int
    what: str
    """One of: "reporter" (target = report id), "camera", "stream" and "past" (target = camera id). "camera" is for a
    person's eyes; "stream" for the decoder of the station where somebody is signed in, who may see pictures; "past"
    for it too, to look at a past time that a recorder kept: the span stands in `reason`."""
    target: str
    reason: str
    """1 to 200 characters; kept with who, where and when before the answer goes out. Of "past": from when to when, an
    hour at most, "2026-11-20T08:15:00Z/2026-11-20T08:45:00Z"."""
    token: str = ""


class Revealed(Message, frozen=True, tag="REVEALED"):
    """Hub: the answer of REVEAL."""

    request: int
    code: str = ""
    """Empty = here it is; "not_allowed", "unknown", "bad_reason", "nobody_signed_in"; "not_kept": what cannot be
    audited is not told."""
    values: dict[str, str] = {}  # noqa: RUF012  # msgspec copies it

    def __repr__(self) -> str:
        return f"Revealed({self.request}, code={self.code!r}, ...)"


class Accounts(Message, frozen=True, tag="ACCOUNTS"):
    """Console: the accounts of people, for a person who may see them, or a change of one. Secrets travel inside CURVE
    only, and are never stored or logged."""

    request: int
    act: str = "list"
    """"list", "add" (`person`, `name`, `role`), "role" (`role`), "disable", "enable", "unlock" (wrong secrets cost no
    waiting any more), "secret" (the hub makes one), "own" (`secret` in the place of `old`, of the person who asks)."""
    person: str = ""
    rev: int = 0
    """Of the account, as it was seen; looked at by "role", "disable", "enable", "secret" and "own"."""
    name: str = ""
    role: str = ""
    secret: str = ""
    old: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Accounts({self.request}, {self.act!r}, {self.person!r}, ...)"


class Accounted(Message, frozen=True, tag="ACCOUNTED"):
    """Hub: the answer of ACCOUNTS."""

    request: int
    code: str = ""
    """Empty = done; "not_here" (this hub seats people itself), "not_allowed", "nobody_signed_in", "unknown", "changed",
    "unchanged", "exists", "bad_id", "bad_name", "bad_role", "bad_secret", "wrong_secret", "wait" (`text`: seconds),
    "self", "last_admin", "bad_act", "not_kept"."""
    text: str = ""
    accounts: tuple[AccountSeen, ...] = ()
    """All that the person who asks may see, as they are now; of whoever may not see others, his own."""
    secret: str = ""
    """Of "add" and "secret": made by the hub, told this once."""
    until: int = 0
    """Until when it is good, of the hub's wall clock."""

    def __repr__(self) -> str:
        return f"Accounted({self.request}, code={self.code!r}, ...)"


class Confide(Message, frozen=True, tag="CONFIDE"):
    """Console: who called about a report that the centre took in itself. Goes no other way, and is kept apart; the same
    again does no harm."""

    request: int
    target: str
    """Report id."""
    values: dict[str, str]
    """`name`, `phone`: one of them at least, 1 to 80 characters each."""
    token: str = ""

    def __repr__(self) -> str:
        return f"Confide({self.request}, {self.target!r}, ...)"


class Confided(Message, frozen=True, tag="CONFIDED"):
    """Hub: the answer of CONFIDE."""

    request: int
    code: str = ""
    """Empty = it is on disk; "known" (something else is known of that report), "unknown" (no report that the centre
    took in has that number), "bad_values", "not_allowed", "nobody_signed_in", "not_kept"."""
