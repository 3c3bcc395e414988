"""Frozen records and pure transitions that every part shares. Imports nothing of ours outside this folder."""
