"""MCP on `/mcp`: the same calls as REST, worded for models."""
