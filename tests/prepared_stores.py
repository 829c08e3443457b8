"""Decoding in the test's own process, and what a store's folder then holds."""

from pathlib import Path

import pytest

from agegen.faces import decode_all


@pytest.fixture
def few_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode here rather than in worker processes (the recipe's tests have those)."""

    def decode_chunks(chunks, size, workers):
        for chunk in chunks:
            yield decode_all.decode_chunk([face.path for face in chunk], size)

    monkeypatch.setattr(decode_all, "decode_chunks", decode_chunks)
    monkeypatch.setattr(decode_all, "CHUNK", 8)


def content(store: Path) -> dict[str, bytes]:
    """Return the bytes of a store's files, store.json aside."""
    return {n: (store / n).read_bytes() for n in ("images.npy", "faces.csv", "rejected.csv")}
