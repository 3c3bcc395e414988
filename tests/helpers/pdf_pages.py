"""What stands in a PDF that we have written: the words of each page, and the tables that go with it."""

from __future__ import annotations

import re
import zlib

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtPdf import QPdfDocument


def pages_of(content: bytes) -> list[str]:
    """Text of each page."""
    document, data = QPdfDocument(), QByteArray(content)
    buffer = QBuffer(data)  # it keeps no reference of its own
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    document.load(buffer)
    assert document.status() is QPdfDocument.Status.Ready
    pages = [document.getAllText(n).text() for n in range(document.pageCount())]
    document.close()
    return pages


def attached_to(content: bytes) -> list[bytes]:
    """What is attached, in no order."""
    assert b"/EmbeddedFile" in content
    streams = (match[1] for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL))
    found = []
    for stream in streams:
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            found.append(stream)
    return [one for one in found if one.startswith(b"\xef\xbb\xbf")]  # our tables begin so
