"""The REST routes. Each reads a request, calls the job service and makes the answer."""
