"""The command line: read once, with typed values, into the `Invocation` that is judged, queued and executed."""
