"""The worker's side of the door: it starts the door, admits commands, dials for it and hears of changes."""
