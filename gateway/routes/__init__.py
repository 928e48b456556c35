"""The REST routes: each reads a request, calls the job service, and words the answer."""
