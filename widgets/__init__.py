"""Everything drawn with Qt. Opens neither sockets, nor files of the store, nor cameras: see backends.domain.ports."""
