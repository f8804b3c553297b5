"""What happened: logs and metrics. Knows none of the other packages."""
