"""Audit a FaceStore for leakage between its splits; prints the audit and saves audit.json in it.

python recipes/audit_faces.py --faces data/utkface
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from agegen.faces.audit import audit_store, describe
from agegen.faces.store import FaceStore
from agegen.run.cli import run_recipe
from agegen.run.files import write_json


@dataclass(frozen=True)
class AuditConfig:
    """What to audit."""

    faces: Path
    """Folder of the FaceStore."""
    out: Path | None = None
    """File for the result; by default audit.json in the store."""


def main(config: AuditConfig) -> None:
    """Audit, print, save."""
    audit = audit_store(FaceStore.open(config.faces, other_ages=True))
    print(describe(audit))
    out = config.out or config.faces / "audit.json"
    write_json(out, asdict(audit))
    print(f"saved to {out}")


if __name__ == "__main__":
    run_recipe(AuditConfig, main, __doc__)
