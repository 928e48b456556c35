"""Looks at the objects that a silent command waits for, and reports in one line their progress and problems."""
