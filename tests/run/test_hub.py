"""Models by hf://user/name, to and from a local stand-in of the Hub."""

import json
import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hub_stand_in import TOKEN, Repository, StandIn, serve
from huggingface_hub import ModelCard, constants
from hypothesis import given
from hypothesis import strategies as st

from agegen.photos.classify import load_photo_classifier
from agegen.photos.translate import load_photo_translator
from agegen.run.errors import UserError
from agegen.run.hub import FILES, Address, as_typed, download, is_address, push, read_address
from agegen.run.pretrained import find_run, require_record, results_of

PACKAGE = Path(__file__).parents[2] / "agegen" / "pretrained"
NOT_NEEDED = {"README.md", "config.json", "strength.json"}  # without the second it is no model
part = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A stand-in, where somebody is logged in, an empty cache, and an empty folder to work in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    with serve() as server:
        point_to(server.address, monkeypatch)
        yield server
    download.cache_clear()


def point_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send what huggingface_hub asks to an address, and forget what was downloaded."""
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    download.cache_clear()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def packed(**config: object) -> dict[str, bytes]:
    """The files of a model of which only config.json is there."""
    config = {"faces": "pretrained", "out": "pretrained", "model": {"name": "residual"}} | config
    return {"config.json": json.dumps({"config": config, "data": {}}).encode()}


def found(run: str = "hf://ann/faces", kind: str = "classifier") -> Path:
    return find_run(Path(run), kind)


@given(user=part, name=part, revision=st.none() | part)
def test_addresses_are_read_as_they_are_typed(user, name, revision) -> None:
    address = Address(f"{user}/{name}", revision)
    run = Path(str(address))
    assert is_address(run)
    assert as_typed(run) == str(address)
    assert as_typed(Path(user, name)) == f"{user}/{name}"
    assert read_address(run) == address
    assert results_of(run) == Path(name)
    assert not is_address(Path(user, name))
    assert results_of(Path(user, name)) == Path(user, name)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_any_other_address_is_a_sentence(text: str) -> None:
    run = Path(f"hf://{text}")
    with suppress(UserError):
        assert read_address(run).repository.count("/") == 1
        assert len(results_of(run).parts) == 1


@pytest.mark.parametrize("name", ["faces", "a/b/c", "/faces", "ann/", "ann/fa ces", "..", "ann/.."])
def test_a_malformed_name_is_refused_before_anything_is_asked(hub: StandIn, name: str) -> None:
    with pytest.raises(UserError, match="it is user/name"):
        found(f"hf://{name}")
    with pytest.raises(UserError, match="it is user/name"):
        push(PACKAGE / "classifier", name)
    with pytest.raises(UserError, match="names no revision"):
        found("hf://ann/faces@")
    assert hub.requests == []


@pytest.mark.parametrize("kind", ["classifier", "cyclegan"])
def test_what_is_pushed_comes_back_byte_for_byte(hub: StandIn, kind: str) -> None:
    assert push(PACKAGE / kind, "ann/faces") == f"{hub.address}/ann/faces"
    assert contents(found(kind=kind)) == contents(PACKAGE / kind)
    assert found(kind=kind).is_relative_to(constants.HF_HUB_CACHE)
    assert list(Path.cwd().iterdir()) == []


def test_only_the_packed_files_are_pushed_and_what_was_there_before_goes(
    hub: StandIn, tmp_path: Path
) -> None:
    push(PACKAGE / "classifier", "ann/faces")
    folder = shutil.copytree(PACKAGE / "cyclegan", tmp_path / "packed")
    for name in ("face.png", "predictions.csv", "photos/ann.jpg", "more/config.json", ".agegen"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"a face")
    push(folder, "ann/faces")
    assert hub.repositories["ann/faces"].commits[-1] == contents(PACKAGE / "cyclegan")
    assert len(hub.repositories["ann/faces"].commits) == 3  # one for each push


def test_packing_writes_no_file_that_stays_behind() -> None:
    for kind in ("classifier", "cyclegan"):
        assert contents(PACKAGE / kind).keys() <= set(FILES)


def test_revisions(hub: StandIn) -> None:
    hub.repositories["ann/faces"] = repository = Repository(**packed(seed=1))
    repository.commits.append(packed(seed=2))
    old = found(f"hf://ann/faces@{repository.sha(0)}")
    assert json.loads((old / "config.json").read_text())["config"]["seed"] == 1
    assert json.loads((found() / "config.json").read_text())["config"]["seed"] == 2
    with pytest.raises(UserError, match=r"^hf://ann/faces has no v9$"):
        found("hf://ann/faces@v9")


def test_a_command_sees_one_revision(hub: StandIn) -> None:
    hub.repositories["ann/faces"] = Repository(**packed())
    first = found()
    asked = len(hub.requests)
    hub.repositories["ann/faces"].commits.append(packed(seed=3))
    assert found() == first
    assert len(hub.requests) == asked


def test_nothing_that_may_hold_code_is_downloaded(hub: StandIn) -> None:
    bad = {"model.pt": b"1", "x.pkl": b"2", "net.py": b"3", "sub/config.json": b"4"}
    hub.repositories["ann/faces"] = Repository(**packed(), **bad)
    assert contents(found()).keys() == {"config.json"}
    assert not any(name in request for request in hub.requests for name in bad)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pytorch_model.bin": b"x"}, r"no packed model \(no config.json\)"),
        ({"config.json": b'{"model_type": "bert"}'}, "no model of agegen's"),
        ({"config.json": b"[1]"}, "no model of agegen's"),
        ({"config.json": b"{"}, "not valid JSON"),
        (packed(faces="/home/ann/faces"), "not packed: recipes/pack_run.py"),
        (packed(out="runs/x"), "not packed: recipes/pack_run.py"),
        (packed(model={"name": "os:system"}), "needs os:system, a class of its author's own"),
        (packed(generator={}), r"^hf://ann/faces is not a classifier$"),
    ],
)
def test_what_is_no_packed_classifier_is_refused(hub: StandIn, files, message: str) -> None:
    hub.repositories["ann/faces"] = Repository(**files)
    with pytest.raises(UserError, match=message):
        found()


LOADED = {"classifier": load_photo_classifier, "cyclegan": partial(load_photo_translator, to="old")}


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (kind, name)
        for kind in LOADED
        for name in sorted(contents(PACKAGE / kind).keys() - NOT_NEEDED)
    ],
)
def test_what_is_missing_is_missed_by_the_name_that_was_typed(
    hub: StandIn, kind: str, missing: str
) -> None:
    rest = {n: content for n, content in contents(PACKAGE / kind).items() if n != missing}
    hub.repositories["ann/faces"] = Repository(**rest)
    with pytest.raises(UserError, match=r"^hf://ann/faces has no\D*$") as refused:
        LOADED[kind](Path("hf://ann/faces"))
    assert "--faces" not in str(refused.value)


def test_what_cannot_be_had_is_a_sentence(hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^hf://ann/faces does not exist, or is private: log in"):
        found()
    hub.repositories["ann/faces"] = Repository(gated=True, **packed())
    with pytest.raises(UserError, match=rf"given on request: ask at {hub.address}/ann/faces"):
        found()
    hub.repositories["ann/faces"] = Repository(private=True, **packed())
    assert found().is_dir()
    download.cache_clear()
    shutil.rmtree(constants.HF_HUB_CACHE)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="does not exist, or is private"):
        found()


def test_without_a_network_the_cache_is_used_and_else_a_sentence_comes_soon(
    hub: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(PACKAGE / "cyclegan", "ann/faces")
    folder = found(kind="cyclegan")
    point_to("http://127.0.0.1:9", monkeypatch)  # refuses
    started = time.monotonic()
    assert found(kind="cyclegan") == folder
    message = r"^hf://ann/other is not on this machine yet, and http://127.0.0.1:9 does not answer"
    with pytest.raises(UserError, match=message):
        found("hf://ann/other")
    with pytest.raises(UserError, match=r"^hf://ann/faces, at http://127.0.0.1:9: .*refused"):
        push(PACKAGE / "cyclegan", "ann/faces")
    assert time.monotonic() - started < 10


def test_pushing_needs_a_card_a_packed_folder_and_somebody(
    hub: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(PACKAGE / "cyclegan", tmp_path / "packed")
    (folder / "README.md").unlink()
    with pytest.raises(UserError, match=r"has no README.md: say in a model card"):
        push(folder, "ann/faces")
    with pytest.raises(UserError, match="no packed model"):
        push(tmp_path / "nothing", "ann/faces")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="nobody is logged in to the Hub: log in with hf auth"):
        push(PACKAGE / "cyclegan", "ann/faces")
    assert hub.requests == []
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match=r"hf://ann/faces"):
        push(PACKAGE / "cyclegan", "ann/faces")
    assert hub.repositories == {}


def test_a_private_model_is_never_made_public(hub: StandIn) -> None:
    push(PACKAGE / "cyclegan", "ann/mine", private=True)
    assert hub.repositories["ann/mine"].private
    push(PACKAGE / "cyclegan", "ann/mine", private=True)
    hub.repositories["ann/open"] = Repository()
    with pytest.raises(UserError, match="is there already, and public"):
        push(PACKAGE / "cyclegan", "ann/open", private=True)
    assert hub.repositories["ann/open"].commits == [{}]


def test_there_is_no_record_of_the_training(hub: StandIn) -> None:
    with pytest.raises(
        UserError, match=r"^--run hf://ann/faces: weights .* have no record of their"
    ):
        require_record(Path("hf://ann/faces"), "classifier")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("kind", "task"), [("classifier", "image-classification"), ("cyclegan", "image-to-image")]
)
def test_the_cards_of_the_package_have_a_head(kind: str, task: str) -> None:
    head = ModelCard.load(PACKAGE / kind / "README.md").data
    assert (head.library_name, head.pipeline_tag, head.license) == ("agegen", task, "other")
    assert head.datasets == ["UTKFace"]
