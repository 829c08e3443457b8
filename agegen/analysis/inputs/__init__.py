"""Input optimisation: images that the network answers to, and whether another one agrees."""
