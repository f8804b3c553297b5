"""What looks for secrets and data of persons, one module for each sort: what is sure, and what only may be."""
