"""Masks the values of Secrets in a tool's output, before a filter, an event or a response can contain them.

Output that cannot be read is withheld; `MaskingError` gives the reason.
"""
