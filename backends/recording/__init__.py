"""Incident recordings: files that are written while things happen, and read again (docs/recording.md)."""
