"""The console's SQLite: last state, log, cursors, outbox, audit, quarantine, samples."""
