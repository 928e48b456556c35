"""`mcp-k8s doctor`: reports what is missing on this machine, and what to do about it."""
