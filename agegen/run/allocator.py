"""Keep glibc from giving every freed tensor back to the kernel.

By default it maps each large block anew, and the kernel fills it with zero pages: tens of thousands
of page faults per training step on a CPU.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # from glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let freed blocks up to 1 GiB stay with the process for reuse.

    Returns:
        True if set; False where the C library is not glibc or refuses (nothing is changed).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # First the threshold: setting any of them turns off glibc's own adaptation, and before 2.35
    # the threshold cannot exceed 32 MiB.
    if not (mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, 2**25)):
        return False
    settings = {M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 2**28}
    set_all = [mallopt(option, value) == 1 for option, value in settings.items()]
    return all(set_all)
