"""Serves MCP on `/mcp`: the same calls as REST, with texts for models."""
