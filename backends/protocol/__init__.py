"""The wire, pure: envelope, strict codec, messages. Shared by link and hub; no sockets here."""
