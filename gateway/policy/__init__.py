"""Decides which commands callers may run. It can allow verbs, but never loosens the sandbox."""
