"""istioctl: its grammar, classes and version command."""
