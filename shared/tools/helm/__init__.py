"""helm: its grammar, classes and version command."""
