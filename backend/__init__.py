"""How the world reaches us: HTTP, the command line, and the runs that both start."""
