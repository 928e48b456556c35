"""Runs one command: its plan, its directory, its processes and their streams."""
