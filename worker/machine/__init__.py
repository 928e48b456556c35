"""Finds what this machine has: CLIs, text filters, helper programs, and the kernel's means of containment."""
