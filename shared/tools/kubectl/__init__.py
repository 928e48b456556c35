"""kubectl: its grammar, classes, kinds and version command."""
