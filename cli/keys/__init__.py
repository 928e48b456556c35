"""Master keys: made for an installation, and exchanged while all runs."""
