"""What agents and people write together: kinds of texts, edits of them, merges, differences and their parts."""
