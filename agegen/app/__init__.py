"""A local page to try a photo on."""
