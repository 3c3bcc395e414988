"""The reference backend: per-feed log, alarm engine, actions, and the two sockets of the link."""
