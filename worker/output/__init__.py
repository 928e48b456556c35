"""What a command prints: redacted, masked, recorded and summed up."""
