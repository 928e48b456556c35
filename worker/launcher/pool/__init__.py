"""The worker's pool of waiting processes: taking one for a command, replacing it, and removing its directory."""
