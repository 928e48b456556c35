"""The callers of requests: who sends one, and how that is known."""
