"""Checks of a backend from outside, over real sockets: what docs/protocol.md promises, one check a promise.

Needs nothing of the backend but the protocol. Must not: know the reference hub, or the console's link.
"""
