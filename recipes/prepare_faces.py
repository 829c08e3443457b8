"""Decode a folder of face photos once into a FaceStore (images.npy, faces.csv, store.json).

    python recipes/prepare_faces.py --source UTKFace --out data/utkface
    python recipes/prepare_faces.py --source CACD2000 --out data/cacd --young 20 26 --old 52 62
    python recipes/prepare_faces.py --source UTKFace --out data/utkface --keep-other-ages
    python recipes/prepare_faces.py --source lab_course --out data/lab            # train/ and test/
    python recipes/prepare_faces.py --source my_faces.csv --out data/mine --size 128

A run that was stopped goes on when the same command is given again.
"""

from agegen.faces.geometry import keep_geometry
from agegen.faces.prepare import PrepareConfig, prepare
from agegen.run.cli import run_recipe


def main(config: PrepareConfig) -> None:
    """Prepare the store and print what it holds."""
    store = prepare(config)
    counts = store.info["counts"]
    print(f"{counts['faces']:,} faces of {store.size} × {store.size} pixels in {config.out}")
    for split in ("train", "val", "test"):
        young, old = counts[split]["young"], counts[split]["old"]
        other = f"  {counts['other'][split]:7,} of other ages" if store.keeps_other_ages else ""
        print(f"  {split:5}  {young:7,} young  {old:7,} old{other}")
    if counts["rejected"]:
        what = "lines and files" if store.info["request"]["kind"] == "table" else "files"
        print(f"{counts['rejected']:,} {what} left out; why: {config.out / 'rejected.csv'}")
    geometry = keep_geometry(store)
    if geometry:
        print(f"for photos: {geometry.describe()}")


if __name__ == "__main__":
    run_recipe(PrepareConfig, main, __doc__)
