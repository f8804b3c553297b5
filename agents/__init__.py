"""Who can be addressed: agents, the registry that lists them, and what a run of one says."""
