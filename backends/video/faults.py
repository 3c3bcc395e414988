"""What may be wrong with a camera, as errors. Light: whoever speaks to a camera without decoding needs no decoder."""

from __future__ import annotations

from backends.domain.device import DeviceTrouble


class SourceFault(DeviceTrouble):
    """The world's fault: said on the tile, then tried again. The words hold no secret."""


class Refused(SourceFault):
    """The camera refuses the password: tried again rarely, or it locks the account."""


class NotYet(SourceFault):
    """Nothing is wrong, it is just not there yet: looked for again every second."""


class NotASource(SourceFault):
    """The address can never be opened as it is written."""
