"""The tool istioctl: its grammar, classes and hints."""
