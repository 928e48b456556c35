"""Parses a command line once, into the `Invocation` that is judged, queued and executed."""
