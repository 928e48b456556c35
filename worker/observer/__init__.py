"""Looks at what a silent command waits for, and says in one line how far it is and what hinders it."""
