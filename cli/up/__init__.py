"""`mcp-k8s up`: gateway, worker and embedded server on one machine."""
