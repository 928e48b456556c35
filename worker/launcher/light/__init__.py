"""Small stand-ins for modules of the standard library. Only the launcher's process finds them before the real ones.

A fork copies the page tables of the launcher, and the exec after it frees those pages while the command waits. The real
modules load inspect, ast and tokenize, which would make the launcher a third larger. The stand-ins have only what the
launcher's modules use; the worker runs the same modules with the real ones.
"""
