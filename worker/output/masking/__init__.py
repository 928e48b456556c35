"""Takes values of Secrets out of what a tool prints, before a filter, an event or a response can hold them.

What cannot be read is not shown: `MaskingError` says why.
"""
