"""Colour profiles made here: none is shipped with Pillow but sRGB's."""

import struct

import numpy as np
import pytest

# Display P3's primaries as XYZ under D50, as Apple's profile has them: red, green, blue
P3 = np.array(
    [[0.51512, 0.2412, -0.00105], [0.29198, 0.69225, 0.04189], [0.1571, 0.06657, 0.78407]]
)


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def profile(kind, space, connection, tags):
    """An ICC profile, version 2.4, of tags as (signature, bytes)."""
    body, table = b"", b""
    first = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        table += name + struct.pack(">II", first + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I", first + len(body)) + b"lcms" + bytes([2, 0x40, 0, 0])
    head += kind + space + connection + bytes(12) + b"acsp" + bytes(28)
    head += fixed(0.9642) + fixed(1) + fixed(0.8249)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


def xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))


@pytest.fixture(scope="session")
def wide_gamut():
    """A profile like Display P3, with a plain gamma of 2.2."""
    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256))
    tags = [
        (name, xyz(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), P3, strict=True)
    ]
    tags += [(name, gamma) for name in (b"rTRC", b"gTRC", b"bTRC")]
    white = [(b"wtpt", xyz((0.9642, 1, 0.8249)))]
    return profile(b"mntr", b"RGB ", b"XYZ ", white + tags)


@pytest.fixture(scope="session")
def press():
    """A profile of a press with paper and inks of its own: 16 colours and what is between them."""
    identity = b"".join(map(fixed, np.eye(3).ravel()))
    ramp = bytes(range(256))
    corners = b""
    for c, m, y, k in np.ndindex(2, 2, 2, 2):
        light = (96 - 38 * c - 45 * m - 6 * y) * (1 - 0.9 * k)
        a, b = (70 * m - 35 * c) * (1 - k), (85 * y - 45 * c - 5 * m) * (1 - k)
        corners += bytes([round(max(light, 0) * 2.55), round(128 + a), round(128 + b)])
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + 4 * ramp + corners + 3 * ramp
    return profile(b"prtr", b"CMYK", b"Lab ", [(b"A2B0", lut), (b"wtpt", xyz((0.9642, 1, 0.8249)))])


@pytest.fixture(scope="session")
def grey_gamma():
    """A profile of grey with a gamma of 1.6."""
    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.6 * 256))
    tags = [(b"kTRC", gamma), (b"wtpt", xyz((0.9642, 1, 0.8249)))]
    return profile(b"mntr", b"GRAY", b"XYZ ", tags)
