"""Serves MCP tasks of both revisions. A task is a job, and has the job's id."""
