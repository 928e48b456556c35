"""What a request to an API server is, what it may change, and what discovery says about it. Nothing here does I/O."""
