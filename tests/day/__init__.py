"""A day of mishaps in simulated time."""
