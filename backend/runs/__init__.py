"""The heart: a run's task, its log, and the readers of that log."""
