"""Master keys: generated for an installation, and rotated while everything runs."""
