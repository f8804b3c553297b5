"""Reading what a provider streams: from bytes to frames, and the plain text among them without a detour.

Requests, errors and everything that is more than text stay with the vendors' own packages.
"""
