"""Commands that speak with a gateway: run, jobs, status."""
