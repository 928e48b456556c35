"""Commands that use a gateway: run, jobs, status."""
