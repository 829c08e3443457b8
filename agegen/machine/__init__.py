"""Does this machine compute as it should, and how fast? What a user asks a new one first."""
