"""The job store: the one place that knows how a job lies in Redis and how its state changes."""
