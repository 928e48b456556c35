"""The middleware of every HTTP request (host check, size limits, telemetry), and the wording of errors."""
