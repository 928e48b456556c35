"""HTTP/1.1 on both sides of the door: strict towards the command, tolerant as Go's client towards the server."""
