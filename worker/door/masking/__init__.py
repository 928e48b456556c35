"""Masks the values of Secrets in what API servers answer, before a command has it.

What is masked: Secrets as objects and in lists, tables and watches; annotations that repeat a Secret; the releases that
helm keeps in Secrets and ConfigMaps; and messages that quote a Secret. Objects of other resources pass as they are.
"""
