import os

from catalogs import by_name, reasons, touch

from agegen.faces.catalog import read_catalog
from agegen.faces.records import AgeRanges

RANGES = AgeRanges()


def test_links_are_followed_once(tmp_path):
    photos = tmp_path / "photos"
    touch(photos, "a/22_Ann_Lee_0001.jpg", "a/55_Ann_Lee_0002.jpg", ".hidden/23_Ann_Lee_0003.jpg")
    touch(tmp_path, "elsewhere/24_Bob_Ray_0001.jpg")
    (photos / "z_link").symlink_to(tmp_path / "elsewhere")
    (photos / "z_link_again").symlink_to(tmp_path / "elsewhere")
    (photos / "a" / "loop").symlink_to(photos)
    (photos / "itself.jpg").symlink_to(photos / "itself.jpg")
    (photos / "23_Broken_Link_0001.jpg").symlink_to(photos / "gone.jpg")
    catalog = read_catalog(photos, RANGES)
    assert sorted(by_name(catalog)) == (
        ["22_Ann_Lee_0001.jpg", "24_Bob_Ray_0001.jpg", "55_Ann_Lee_0002.jpg"]
    )
    assert reasons(catalog) == {
        "loop": "a symbolic link to a folder that is read already",
        "z_link_again": "a symbolic link to a folder that is read already",
        "itself.jpg": "a symbolic link that leads nowhere",
        "23_Broken_Link_0001.jpg": "a symbolic link that leads nowhere",
    }


def test_a_folder_that_may_not_be_read_is_listed(tmp_path, monkeypatch):
    touch(tmp_path, "22_Ann_Lee_0001.jpg", "55_Ann_Lee_0002.jpg", "locked/23_Ann_Lee_0003.jpg")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    catalog = read_catalog(tmp_path, RANGES)
    assert len(catalog.faces) == 2
    assert "a folder that cannot be read" in reasons(catalog)["locked"]
