"""What every HTTP request passes: hosts, limits, telemetry, problems."""
