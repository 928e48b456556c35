"""The tool helm: its grammar, classes and hints."""
