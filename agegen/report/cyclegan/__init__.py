"""The page of a CycleGAN's training."""
