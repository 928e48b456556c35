"""`mcp-k8s doctor`: what is missing, and what to do about it."""
