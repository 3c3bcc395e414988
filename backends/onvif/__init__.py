"""ONVIF: finding devices, what streams they have, turning them, their events, and what recorders have kept.

Our own small client over `backends.video.fetch`; why: docs/decisions/2026-11-onvif.md. Every call blocks, within a
time that it names; an object is used by one thread. Errors are `SourceFault` and its kinds, in words. Must not:
decode, keep a password anywhere but in memory, or believe what a device says about sizes, hosts or times.
"""
