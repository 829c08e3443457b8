"""agegen: tell young faces from old ones, translate between them, and measure how far a face aged.

The package is used through its modules (``from agegen.faces.store import FaceStore``) and through
the commands in ``recipes/``; importing it loads neither torch nor matplotlib.
"""

__version__ = "0.1.0"
