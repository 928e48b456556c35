"""OpenTelemetry: spans over the queue, and their export."""
