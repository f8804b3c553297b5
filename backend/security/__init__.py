"""Who is asking, and how much of it."""
