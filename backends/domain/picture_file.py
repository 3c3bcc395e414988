"""What counts as a picture file of a record: JPEG or PNG by its first bytes, so large at most. Pure.

Must not: decode. That a file begins like a picture says nothing of the rest of it.
"""

from __future__ import annotations

JPEG = b"\xff\xd8\xff"
PNG = b"\x89PNG\r\n\x1a\n"
MOST_BYTES = 8 << 20
"""Of one file; the protocol's limit for a blob, too."""


def is_picture(data: bytes) -> bool:
    return data.startswith((JPEG, PNG))
