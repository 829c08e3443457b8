import csv
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from photos import REPOSITORY, command, environment, fill_cacd, picture, recipe, save
from PIL import Image, ImageDraw
from without_extra import recipe_without_extra

from agegen.faces.store import FaceStore
from agegen.run.errors import UserError

STORE_FILES = ["faces.csv", "geometry.json", "images.npy", "rejected.csv", "store.json"]


def image(seed):
    return Image.fromarray(picture(seed))


def grey(seed):
    return np.asarray(image(seed).convert("L"))


def marked(seed):
    """A picture with a white disc in its upper left corner, to see which way up it is."""
    marked = image(seed).resize((128, 128)).point(lambda value: value // 2)
    ImageDraw.Draw(marked).ellipse((16, 16, 48, 48), fill="white")
    return marked


TURNS = {
    1: [],
    2: [0],
    3: [3],
    4: [1],
    5: [5],
    6: [2],
    7: [6],
    8: [4],
}  # Image.Transpose, undone by EXIF


def write_good(folder):
    """Write odd files that are photos all the same; returns their paths."""
    paths = []

    def path(name):
        paths.append(folder / name)
        return folder / name

    for i in range(24):
        save(path(f"{22 + i % 3 if i % 2 else 55}_Person{i}_X_{i:04d}.jpg"), i)
    Image.fromarray(grey(30)).save(path("22_Grey_A_0001.jpg"))
    Image.fromarray(grey(31).astype(np.uint16) * 257).save(path("22_Deep_Grey_0001.png"))
    Image.fromarray(grey(32).astype(np.float32) / 255).save(path("55_Float_A_0001.tif"))
    image(33).convert("CMYK").save(path("55_Cmyk_A_0001.jpg"))
    image(34).convert("RGBA").save(path("55_Rgba_A_0001.png"))
    image(35).convert("LA").save(path("55_La_A_0001.png"))
    image(36).quantize(64).save(path("23_Palette_A_0001.png"), transparency=3)
    for orientation, turn in TURNS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = marked(40 + orientation)
        for step in turn:
            turned = turned.transpose(Image.Transpose(step))
        turned.save(path(f"24_Turned_A_{orientation:04d}.jpg"), exif=exif, quality=95)
    for suffix in ("gif", "webp"):
        frames = [image(50), image(51)]
        frames[0].save(
            path(f"52_Moving_{suffix}_0001.{suffix}"), save_all=True, append_images=frames[1:]
        )
    save(path("55_Zoë Ångström 李_Ñ x_0001.jpg"), 52)
    save(path("55_Two\nLines_0001.jpg"), 53)
    save(path("23_" + "Long" * 58 + "_0001.jpg"), 54)
    save(path(os.fsdecode(b"23_Ren\xe9_Latin_0001.jpg")), 55)
    target = save(folder.parent / "elsewhere" / "any.jpg", 56)
    path("23_Linked_A_0001.jpg").symlink_to(target)
    with save(path("23_Garbage_Appended_0001.jpg"), 57).open("ab") as file:
        file.write(os.urandom(3000))
    image(58).save(path("23_Png_Inside_0001.jpg"), "PNG")
    save(path("55_Corrupt_Exif_0001.jpg"), 59, exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x99" * 60)
    save(path("55_Loud_Name_0001.JPG"), 60)
    for suffix in ("bmp", "tiff", "ppm"):
        save(path(f"56_Format_{suffix}_0001.{suffix}"), 61 + len(suffix) + ord(suffix[0]))
    save(path("folder.jpg/56_Inside_Folder_0001.jpg"), 400)
    for copy in range(2):
        save(path(f"57_Twin_{copy}_0001.jpg"), 401)
    return paths


def png_of_one_colour(side):
    """Return the bytes of a black one-bit PNG without making its pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    pixels = zlib.compress(bytes((side // 8 + 1) * side))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg_with_header_of(side, whole):
    """Return a JPEG whose header claims another size."""
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", side, side) + whole[at + 4 :]


def write_bad(folder):
    """Write files that are no usable photos; returns path → what the reason has to say."""
    expected = {}

    def path(name, fragment):
        expected[folder / name] = fragment
        return folder / name

    whole = {
        suffix: save(folder.parent / f"whole.{suffix}", 70).read_bytes()
        for suffix in ("jpg", "png")
    }
    path("22_Empty_A_0001.jpg", "empty file").write_bytes(b"")
    path("22_Cut_A_0001.jpg", "truncated").write_bytes(whole["jpg"][: len(whole["jpg"]) // 2])
    path("22_Cut_B_0001.png", "truncated").write_bytes(whole["png"][: len(whole["png"]) // 2])
    path("22_Cut_C_0001.jpg", "truncated").write_bytes(whole["jpg"][:30])
    path("22_Text_A_0001.jpg", "a text file, not an image").write_text("not a photo\n")
    path("22_Html_A_0001.png", "a text file, not an image").write_text("<html>404 — é</html>" * 50)
    path("22_Postscript_A_0001.jpg", "a text file").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n"
    )
    Image.new("RGB", (1, 1)).save(path("22_Dot_A_0001.png", "1 × 1 pixels: too small"))
    Image.fromarray(picture(71)[:, :2]).resize((2, 2000)).save(
        path("22_Thread_A_0001.png", "2 × 2000 pixels: too small")
    )
    image(72).resize((60, 200)).save(path("22_Tower_A_0001.png", "60 × 200 pixels: too elongated"))
    path("22_Bomb_A_0001.png", "over the limit of 100 megapixels").write_bytes(
        png_of_one_colour(20000)
    )
    path("22_Bomb_B_0001.jpg", "over the limit of 100 megapixels").write_bytes(
        jpeg_with_header_of(20000, whole["jpg"])
    )
    path("22_Bomb_C_0001.png", "11000 × 11000 pixels: over the limit").write_bytes(
        png_of_one_colour(11000)
    )
    save(path("No_Age_0001.jpg", "no age in the name"), 73)
    save(path("holiday.jpg", "no age in the name"), 74)
    save(path("40_Between_A_0001.jpg", "age 40 is in neither class (young 20–26, old 52–62)"), 75)
    save(path("999_Ancient_A_0001.jpg", "age 999 is in neither class"), 76)
    save(path("22_Wrong_Number_1.jpg", "no age in the name"), 77)
    path("22_Nowhere_A_0001.jpg", "a symbolic link that leads nowhere").symlink_to(folder / "gone")
    loop = path("22_Loop_A_0001.jpg", "a symbolic link that leads nowhere")
    loop.symlink_to(loop)
    path("deep_again", "a symbolic link to a folder that is read already").symlink_to(folder)
    path("22_Zeros_A_0001.jpg", "the file begins with zeros").write_bytes(bytes(20_000))
    Image.new("RGB", (64, 64), (210, 40, 90)).save(path("22_Blank_A_0001.jpg", "blank"))
    path("notes.txt", "its name ends in “.txt”").write_text("x")
    path("paper.pdf", "its name ends in “.pdf”").write_bytes(b"%PDF-1.4\n")
    path("README", "its name has no suffix").write_text("x")
    path("22_Phone_A_0001.HEIC", "not an image").write_bytes(b"\0\1\2")
    path("22_Pdf_A_0001.jpg", "not an image").write_bytes(b"%PDF-1.4\n\xff\xfe\xfd\xfc\xfb\n" * 30)
    with zipfile.ZipFile(path("22_Zip_A_0001.jpg", "not an image, or damaged"), "w") as archive:
        archive.writestr("x", os.urandom(2000))
    os.mkfifo(path("22_Pipe_A_0001.jpg", "not a regular file"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path("22_Socket_A_0001.jpg", "not a regular file")))
    path("22_Device_A_0001.jpg", "not a regular file").symlink_to("/dev/zero")
    path("22_Noise_A_0001.jpg", "not an image, or damaged").write_bytes(b"\x9d\x07" * 2000)
    body = bytearray(whole["png"])
    body[len(body) // 2] ^= 0xFF
    path("22_Flipped_A_0001.png", "damaged").write_bytes(body)
    path(os.fsdecode(b"22_Ren\xe9_Empty_0001.jpg"), "empty file").write_bytes(b"")
    if os.geteuid():
        save(path("22_Locked_A_0001.jpg", "no permission"), 78).chmod(0)
    return expected


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def escaped(path):
    """Return a path as the CSVs hold it."""
    return str(path).encode("utf-8", "backslashreplace").decode()


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / "photos"
    folder.mkdir()
    good, bad = write_good(folder), write_bad(folder)
    save(folder / ".hidden_24_A_B_0001.jpg", 80)
    save(folder / ".cache" / "24_A_B_0001.jpg", 81)
    out = folder.parent / "store"
    return good, bad, out, recipe("prepare_faces", "--source", folder, "--out", out, "--size", 32)


def test_odd_files_stop_nothing(odd_folder):
    _, bad, out, done = odd_folder
    assert len(bad) >= 30
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    assert f"{len(bad)} files left out; why: {out}/rejected.csv" in done.stdout


def test_every_good_photo_is_kept(odd_folder):
    good, _, out, _ = odd_folder
    kept = [row["path"] for row in read_csv(out / "faces.csv")]
    assert sorted(kept) == sorted(escaped(path) for path in good)


def test_every_bad_file_is_listed_once_with_a_reason(odd_folder):
    _, bad, out, _ = odd_folder
    rows = read_csv(out / "rejected.csv")
    listed = {row["path"]: row["reason"] for row in rows}
    assert len(listed) == len(rows)
    assert set(listed) == {escaped(path) for path in bad}
    wrong = {p.name: listed[escaped(p)] for p, why in bad.items() if why not in listed[escaped(p)]}
    assert not wrong


def test_every_file_found_is_kept_or_listed(odd_folder):
    good, _, out, _ = odd_folder
    found = 0
    for _, folders, names in os.walk(good[0].parent):
        links = [name for name in folders if name == "deep_again"]
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += len([name for name in names if not name.startswith(".")]) + len(links)
    counts = json.loads((out / "store.json").read_text())["counts"]
    assert found == counts["faces"] + counts["rejected"]
    by_split = sum(sum(counts[split].values()) for split in ("train", "val", "test"))
    assert by_split == counts["faces"] == len(good)


def test_turned_photos_are_upright(odd_folder):
    store = FaceStore.open(odd_folder[2])
    turned = [i for i, path in enumerate(store.paths) if "24_Turned_A" in path]
    assert len(turned) == 8
    for i in turned:
        bright = store.images[i].min(axis=2) > 200
        assert bright[6:10, 6:10].all(), store.paths[i]
        assert not bright[16:].any(), store.paths[i]
        assert not bright[:, 16:].any(), store.paths[i]


def test_ages_and_twins_are_read(odd_folder):
    rows = read_csv(odd_folder[2] / "faces.csv")
    assert all(row["age"] == Path(row["path"]).name.split("_")[0] for row in rows)
    twins = {row["split"] for row in rows if "_Twin_" in row["path"]}
    assert len(twins) == 1


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """1,200 photos, and the store that an uninterrupted run makes of them."""
    folder = tmp_path_factory.mktemp("many")
    fill_cacd(folder / "photos", 1200, size=100)
    (folder / "photos" / "22_Broken_X_0001.jpg").write_bytes(b"")
    done = recipe(
        "prepare_faces", "--source", folder / "photos", "--out", folder / "store", "--size", 100
    )
    assert done.returncode == 0, done.stderr
    return folder


def arguments(many, out):
    return ("--source", many / "photos", "--out", out, "--size", 100, "--workers", 1)


def start(many, out):
    """Start preparing in a process group of its own, so that a test can signal it."""
    return subprocess.Popen(
        command("prepare_faces", *arguments(many, out)),
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        # tests that a shell runs in the background ignore Ctrl-C, and so would what they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_lines(journal, lines, process, seconds=60):
    """Wait until the journal has so many lines."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.002)
    raise AssertionError(f"no {lines} lines in the journal; status {process.poll()}")


def children(pid):
    """Return the ids of a process's children."""
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def assert_ended(workers, seconds=20):
    """Wait for the workers of a process that has ended."""
    assert workers
    until = time.monotonic() + seconds
    while any(alive(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in workers if alive(pid)], "workers outlive their parent"


def same_store(a, b):
    assert sorted(p.name for p in a.iterdir() if not p.name.startswith(".")) == STORE_FILES
    for name in STORE_FILES:
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


@pytest.fixture
def killed(many, tmp_path):
    """The folder that a killed run leaves, and its workers."""
    process = start(many, tmp_path / "store")
    wait_for_lines(tmp_path / "store" / "journal.jsonl", 3, process)
    workers = children(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    if (tmp_path / "store" / "store.json").exists():
        pytest.fail("the run had finished before it was killed")
    return tmp_path / "store", workers


def test_a_killed_run_is_half_written_and_goes_on(many, killed):
    out, workers = killed
    with pytest.raises(UserError, match="half-written"):
        FaceStore.open(out)
    assert_ended(workers)

    chunks = (out / "journal.jsonl").read_bytes().count(b"\n") - 1
    cut = shutil.copytree(out, out.parent / "cut")
    os.truncate(cut / "journal.jsonl", (cut / "journal.jsonl").stat().st_size - 300)
    for folder, whole_chunks in ((out, chunks), (cut, chunks - 1)):
        done = recipe("prepare_faces", *arguments(many, folder))
        assert done.returncode == 0, done.stderr
        assert f"going on after {64 * whole_chunks} photos" in done.stdout
        same_store(folder, many / "store")

    done = recipe("prepare_faces", *arguments(many, out))
    assert done.returncode == 0
    assert "nothing to do" in done.stdout


def test_ctrl_c_is_one_word_and_leaves_no_workers(many, tmp_path):
    process = start(many, tmp_path / "store")
    wait_for_lines(tmp_path / "store" / "journal.jsonl", 2, process)
    workers = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    shown, _ = process.communicate(timeout=60)
    assert workers
    assert process.returncode == 130
    assert "Traceback" not in shown
    assert shown.endswith("stopped\n")
    assert_ended(workers)
    assert (tmp_path / "store" / "journal.jsonl").exists()


def test_a_second_command_at_the_same_time_is_refused_and_costs_the_first_nothing(many, tmp_path):
    first = start(many, tmp_path / "store")
    wait_for_lines(tmp_path / "store" / "journal.jsonl", 2, first)
    os.kill(first.pid, signal.SIGSTOP)
    second = recipe("prepare_faces", *arguments(many, tmp_path / "store"))
    assert second.returncode == 2
    assert "another prepare_faces.py is at work" in second.stderr
    os.kill(first.pid, signal.SIGCONT)
    first.communicate(timeout=60)
    assert first.returncode == 0
    same_store(tmp_path / "store", many / "store")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (("--size", 48), "another size:"),
        (("--seed", 1, "--test-fraction", 0.2), "another test_fraction, seed:"),
    ],
)
def test_other_settings_are_refused(many, changed, named):
    done = recipe("prepare_faces", *arguments(many, many / "store"), *changed)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert "--overwrite" in done.stderr
    assert "Traceback" not in done.stderr


def test_overwrite_replaces_the_store(many, tmp_path):
    out = shutil.copytree(many / "store", tmp_path / "store")
    (out / "images.npy").write_bytes(b"damaged")
    refused = recipe("prepare_faces", *arguments(many, out))
    assert refused.returncode == 2
    assert "is damaged: images.npy has not the size" in refused.stderr
    done = recipe("prepare_faces", *arguments(many, out), "--overwrite")
    assert done.returncode == 0, done.stderr
    same_store(out, many / "store")


def test_a_store_says_how_its_faces_are_cropped(many, tmp_path):
    """Noise has no faces, so that its geometry is unknown; without the extra none is looked for."""
    kept = json.loads((many / "store" / "geometry.json").read_text())
    assert kept["landmarks"] is None
    assert kept["searched"] > 0
    out = shutil.copytree(many / "store", tmp_path / "store")
    (out / "geometry.json").unlink()
    done = recipe_without_extra("prepare_faces", *arguments(many, out))
    assert done.returncode == 0, done.stderr
    assert "for photos" not in done.stdout
    assert not (out / "geometry.json").exists()
    done = recipe("prepare_faces", *arguments(many, out))
    assert "for photos: landmarks were found in 0 of" in done.stdout
    same_store(out, many / "store")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--source", "/nowhere", "--out", "x"), "/nowhere does not exist"),
        (("--source", "agegen", "--out", "x"), "is of no known kind"),
        (("--source", ".", "--out", "x", "--size", "7"), "--size 7 is not between"),
        (("--source", ".", "--out", "x", "--young", "20", "60"), "the classes overlap"),
        (("--source", ".", "--out", "x", "--sise", "7"), "--sise"),
        ((), "--source"),
    ],
)
def test_wrong_arguments_end_with_status_2(wrong, sentence):
    done = recipe("prepare_faces", *wrong)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_the_terminal_cannot_show_stops_nothing(photo_folder, tmp_path):
    out = tmp_path / os.fsdecode(b"st\xf6re")
    done = recipe(
        "prepare_faces",
        "--source",
        photo_folder,
        "--out",
        out,
        "--size",
        32,
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0, done.stderr
    assert "48 faces of 32 \\xd7 32 pixels" in done.stdout
