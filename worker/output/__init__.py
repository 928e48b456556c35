"""The output of commands: redacted, masked, recorded, and put into a response."""
