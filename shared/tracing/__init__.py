"""OpenTelemetry: spans across the queue, and their export."""
