"""The tool kubectl: its grammar, classes, kinds and hints."""
