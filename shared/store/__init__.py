"""The job store. Only this package knows how a job is stored in Redis and how its state changes."""
