"""agegen: tell young faces from old ones, translate between them, and measure how far a face aged.

The package is used through its modules (``from agegen.faces.store import FaceStore``) and through
the commands in ``recipes/``; importing it loads neither torch nor matplotlib.

Where torch is not loaded yet, its threads are told to wait for each other for a short time only
before they sleep: on a busy core a training then loses its share and no more (docs/benchmark.md).
"""

import os

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # GNU's OpenMP, which torch has on Linux

__version__ = "0.2.0"
