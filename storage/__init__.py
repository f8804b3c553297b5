"""How things are kept: rows, checkpoints and the logs of runs."""
