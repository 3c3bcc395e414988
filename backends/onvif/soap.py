"""SOAP 1.2 as ONVIF uses it: envelopes out, bodies and faults in, the user token in the header. Pure.

Sources: ONVIF Core Specification, 5.9 (security) and 5.11 (faults); OASIS WS-Security UsernameToken Profile 1.0
(Password_Digest = Base64(SHA-1(nonce + created + password))); W3C WS-Addressing 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from backends.onvif.untrusted import parse, plain
from backends.video.faults import Refused, SourceFault

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
SPACES: Mapping[str, str] = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsse": f"{_WSS}wssecurity-secext-1.0.xsd",
    "wsu": f"{_WSS}wssecurity-utility-1.0.xsd",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "trc": "http://www.onvif.org/ver10/recording/wsdl",
    "tse": "http://www.onvif.org/ver10/search/wsdl",
    "trp": "http://www.onvif.org/ver10/replay/wsdl",
}
"""Every envelope declares all of them: half a kilobyte, and no request has to think of it."""


class DeviceFault(SourceFault):
    """The device answers with a fault: it cannot, or will not."""

    def __init__(self, words: str, codes: frozenset[str]) -> None:
        super().__init__(words)
        self.codes = codes
        """The device's own codes without prefixes: "ActionNotSupported"."""


class Markup(str):
    """Text that is XML already; any other text is escaped."""

    __slots__ = ()


def tag(name: str, *inside: str | float, **attributes: str | float) -> Markup:
    """`<name key="value">inside</name>`. Raises ValueError for letters that XML cannot carry."""
    said = "".join(f" {key}={quoteattr(_writable(str(value)))}" for key, value in attributes.items())
    return Markup(f"<{name}{said}>{''.join(map(_inside, inside))}</{name}>")


def _inside(part: str | float) -> str:
    return part if isinstance(part, Markup) else escape(_writable(str(part)))


def _writable(words: str) -> str:
    if any(ord(char) < 32 or 0xD800 <= ord(char) <= 0xDFFF or ord(char) in (0x7F, 0xFFFE, 0xFFFF) for char in words):
        raise ValueError("holds a control character, which no device can be told")
    return words


def user_token(user: str, password: str, now_s: float) -> Markup:
    """The header that says who asks. `now_s`: seconds since 1970 by the DEVICE's clock, or it counts as a replay."""
    nonce = secrets.token_bytes(16)
    created = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    return tag(
        "wsse:Security",
        tag(
            "wsse:UsernameToken",
            tag("wsse:Username", user),
            tag("wsse:Password", _b64(digest), Type=f"{_WSS}username-token-profile-1.0#PasswordDigest"),
            tag("wsse:Nonce", _b64(nonce), EncodingType=f"{_WSS}soap-message-security-1.0#Base64Binary"),
            tag("wsu:Created", created),
        ),
        **{"s:mustUnderstand": "1"},
    )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def addressing(to: str, action: str, references: str = "") -> Markup:
    """What says which of a device's subscriptions is meant. `references`: as the device gave them."""
    return Markup(
        tag("wsa:Action", action)
        + tag("wsa:MessageID", f"urn:uuid:{uuid.uuid4()}")
        + tag("wsa:ReplyTo", tag("wsa:Address", "http://www.w3.org/2005/08/addressing/anonymous"))
        + tag("wsa:To", to)
        + references
    )


def envelope(body: str, *headers: str) -> bytes:
    """A whole request, UTF-8."""
    spaces = "".join(f' xmlns:{name}="{uri}"' for name, uri in SPACES.items())
    head = f"<s:Header>{''.join(headers)}</s:Header>" if any(headers) else ""
    whole = f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope{spaces}>{head}<s:Body>{body}</s:Body></s:Envelope>'
    return whole.encode()


def copied(element: Element) -> Markup:
    """A device's element, written again: what has to be sent back as it came."""
    space = element.get("xmlns", "")
    text = tag("x", (element.text or "").strip())[3:-4]
    more = "".join(f" {k}={quoteattr(v)}" for k, v in element.attrib.items() if k != "xmlns")
    inside = "".join(map(copied, element))
    return Markup(f"<c:{element.tag} xmlns:c={quoteattr(space)}{more}>{text}{inside}</c:{element.tag}>")


def answer(status: int, raw: bytes) -> Element:
    """What stands in the answer's body. Raises SourceFault: Refused, DeviceFault, or BadXml."""
    if status in (401, 403):
        raise Refused("the camera refuses user name or password")
    if status == 404:
        raise SourceFault("the camera does not know this address (404)")
    if not raw.strip():
        raise SourceFault(f"the camera answers with nothing ({status})")
    root = parse(raw)
    body = root.find("Body") if root.tag == "Envelope" else None
    if body is None or len(body) == 0:
        raise SourceFault("what the camera answers is no SOAP")
    if body[0].tag == "Fault":
        raise _fault(body[0])
    if status != 200:
        raise SourceFault(f"the camera answers with an error ({status})")
    return body[0]


def _fault(fault: Element) -> SourceFault:
    values = [node.text or "" for name in ("Value", "faultcode") for node in fault.iter(name)]
    codes = frozenset(value.strip().rpartition(":")[2] for value in values)
    if codes & {"NotAuthorized", "FailedAuthentication", "SenderNotAuthorized"}:
        return Refused("the camera refuses user name or password")
    said = next((plain(node.text or "") for name in ("Text", "faultstring") for node in fault.iter(name)), "")
    return DeviceFault(
        f"the camera says no: {said or ', '.join(map(plain, sorted(codes))) or 'without a reason'}", codes
    )
