"""The visits of commands: their passes, and the connections to their API servers."""
