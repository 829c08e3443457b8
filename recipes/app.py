"""Open a page on this machine to try a photo on: its faces' ages, made older or younger.

    python recipes/app.py
    python recipes/app.py --run runs/cyclegan --classifier runs/utkface --browser
    python recipes/app.py --host 0.0.0.0 --port 8000

It needs the extra app (pip install 'agegen[app]'). Nothing leaves this machine; with --host others
in the network can open the page, and send it their photos. Ctrl-C ends it.
"""

from agegen.app.serve import AppConfig, serve
from agegen.run.cli import run_recipe

if __name__ == "__main__":
    run_recipe(AppConfig, serve, __doc__)
