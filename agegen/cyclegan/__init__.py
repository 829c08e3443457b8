"""CycleGAN between young and old faces: training, translation, evaluation."""
