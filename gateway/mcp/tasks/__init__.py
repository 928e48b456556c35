"""MCP tasks of both revisions; a task's id is the job's."""
