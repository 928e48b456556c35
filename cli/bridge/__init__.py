"""`mcp-k8s mcp-stdio`: an MCP server on standard input and output in front of a gateway's `/mcp`."""
