"""What the numbers of a picture mean."""

GREY_LEVELS = 127.5
"""8-bit grey levels in one unit of values in [−1, 1]: uint8 0…255 is float × this + this."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
