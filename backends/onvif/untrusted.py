"""XML from devices, read as if an enemy had written it.

A document type is refused before anything in it is read, and with it every entity, bomb and outside file; depth and
number of elements are bounded. Elements come with their plain names ("Profiles"), because devices differ in prefixes
but never in what the plain names mean; the namespace of each stands in its attribute `xmlns`, which no document can
set. Pure.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from backends.video.faults import SourceFault

MAX_DEPTH = 64
"""ONVIF's deepest answers (analytics rules in a profile) have 16."""
MAX_ELEMENTS = 200_000
"""A recorder of 256 channels with three profiles each, at 150 elements a profile, has 120,000."""


class BadXml(SourceFault):
    """It is not XML, or not XML that is read here."""


def parse(raw: bytes, most: int = MAX_ELEMENTS) -> Element:
    """The root element. Raises BadXml, also past `most` elements."""
    parser = expat.ParserCreate(namespace_separator=" ")
    builder = TreeBuilder()
    bounds = _Bounds(most)

    def start(name: str, attributes: dict[str, str]) -> None:
        bounds.enter()
        space, _, plain = name.rpartition(" ")
        said = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        builder.start(plain, said | {"xmlns": space})

    def end(name: str) -> None:
        bounds.depth -= 1
        builder.end(name.rpartition(" ")[2])

    def refuse(*_: object) -> None:
        raise BadXml("the camera's answer has a document type (DTD), which is never needed: not read")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(raw, True)
        return builder.close()
    except BadXml:
        raise
    except (expat.ExpatError, ValueError, LookupError, AssertionError):
        raise BadXml("what the camera answers is no XML") from None


class _Bounds:
    def __init__(self, most: int) -> None:
        self.depth = 0
        self._left = most

    def enter(self) -> None:
        self.depth += 1
        self._left -= 1
        if self.depth > MAX_DEPTH or self._left < 0:
            raise BadXml("the camera's answer is nested too deep or has too many parts")


def text(element: Element | None, path: str, otherwise: str = "") -> str:
    """The text at `path` ("Name", "VideoEncoderConfiguration/Encoding"), without blanks around it."""
    found = None if element is None else element.find(path)
    return otherwise if found is None else (found.text or "").strip()


def number(element: Element | None, path: str) -> float:
    """The number at `path`; 0 where there is none, or none that can be."""
    try:
        value = float(text(element, path, "0"))
    except ValueError:
        return 0.0
    return value if abs(value) < 1e12 else 0.0


def plain(words: str, most: int = 120) -> str:
    """A device's words, fit for one line of ours."""
    return "".join(char if char.isprintable() else " " for char in words[: 4 * most]).strip()[:most]
