"""The worker takes jobs from Redis and runs them as sandboxed processes. It never imports the gateway."""
