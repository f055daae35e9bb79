"""Environments that others wrote: a file of the user's, Gymnasium's, MotrixLab-S1's.

Importing this package imports none of them.
"""
