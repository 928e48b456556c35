"""What is sealed, and the keys that seal it."""
