"""How fast the trainings are on this machine, against the plain loops that they replace."""
