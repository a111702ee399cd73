"""frames on standard input -> as many a second as asked for, from a packet socket that it is given, by sendmmsg(2).

    python -m tests.attack.sender SOCKET RATE SECONDS

RATE 0 is as fast as it goes. Prints how many it sent.
"""

from __future__ import annotations

import ctypes
import sys
import time

AT_ONCE = 64  # messages in one call


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]  # struct iovec


class Message(ctypes.Structure):
    _fields_ = [  # struct msghdr
        ("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int),
    ]  # fmt: skip


class Header(ctypes.Structure):
    _fields_ = [("message", Message), ("sent", ctypes.c_uint)]  # struct mmsghdr


def main() -> None:
    number, rate, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    frames = [ctypes.create_string_buffer(bytes.fromhex(line.strip())) for line in sys.stdin]
    vectors = (Vector * len(frames))(*(Vector(ctypes.addressof(f), len(f) - 1) for f in frames))
    size = ctypes.sizeof(Vector)
    headers = (Header * len(frames))(
        *(Header(Message(iov=ctypes.addressof(vectors) + n * size, iovlen=1)) for n in range(len(frames)))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    sent, at, began = 0, 0, time.monotonic()
    while (spent := time.monotonic() - began) < seconds:
        if rate and sent > rate * spent:
            time.sleep(0.0002)
            continue
        many = min(AT_ONCE, len(frames) - at)
        done = libc.sendmmsg(number, ctypes.byref(headers, at * ctypes.sizeof(Header)), many, 0)
        sent += max(done, 0)
        at = (at + many) % len(frames)
    print(sent)


if __name__ == "__main__":
    main()
