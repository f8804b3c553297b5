"""Texts as vectors, for what is to be found by its meaning."""
