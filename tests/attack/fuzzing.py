"""a seed and a number -> user-data that was spoilt in so many ways, each read as the engine reads it, within limits.

    python -m tests.attack.fuzzing SEED COUNT

The user-data of all case folders, refused and accepted, is what is spoilt: bytes changed, pieces cut out, repeated or
taken from another, words of YAML and MIME put in. Each is refused as a policy is, or read; anything else that is
raised, and whatever takes longer than a moment, is printed with the user-data, and is the exit code. The kernel ends
this program where it takes more memory, or more of a processor's time, than a small host has to spare.
"""

from __future__ import annotations

import base64
import functools
import gzip
import itertools
import random
import re
import resource
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import bounds, userdata
from cc_vps_firewall.rules import iptables, nftables, ruleset
from tests import corpus
from tests.casefiles import HOME

MEMORY = 400 << 20  # bytes of addresses, Python's own among them
EACH = 4.0  # seconds of a processor for one user-data
SPARE = 60  # seconds of a processor for all of it, besides some milliseconds for each
LONGEST = 60_000  # bytes: beyond that it is size that is tried, which refused-huge does
WORDS = [
    b"&a ", b"*a", b"<<: *a\n", b"!!python/object:os.system ", b"{", b"}", b"[", b"]", b"- ", b": ", b"? ", b"|\n",
    b"%YAML 9.9\n", b"---\n", b"...\n", b"\t", b"\x00", b"\xff\xfe", b"\xe2\x80\xae", b"'", b'"', b"#", b">\n",
    b"Content-Type: multipart/mixed; boundary=\"=\"\n\n--=\n", b"Content-Transfer-Encoding: base64\n", b"#include\n",
    b"0x7fffffffffffffff", b"1e309", b".inf", b"-1", b"65536/tcp", b"::ffff:10.0.0.1", b"2001:db8::/129", b"any", b"~",
    b"&a [*a]", b"999999999999999999999999/minute", b"2026-02-30", b"1:2:3", b"=", b"\r\n", b"\xed\xa0\x80",
]  # fmt: skip


WORD = re.compile(rb"[\w./:*-]+")


@functools.cache
def seeds() -> Sequence[bytes]:
    """What is spoilt: for each that is refused, three good ones, of which most will be refused."""
    good = [path.read_bytes() for path in sorted(HOME.glob("*/user-data.yaml"))]
    good += [stanza.data for stanza in corpus.accepted()]
    bad = [stanza.data for stanza in corpus.refused()]
    good, bad = ([data for data in some if len(data) < LONGEST] for some in (good, bad))
    return [*bad, *itertools.islice(itertools.cycle(good), 3 * len(bad))]


def spoilt(chosen: random.Random, some: Sequence[bytes]) -> bytes:
    """Half of the time a word in the place of another, else anything."""
    data = bytearray(chosen.choice(some))
    if chosen.random() < 0.5:
        for _ in range(chosen.randint(1, 2)):
            _exchange(chosen, data)
        return bytes(data)
    for _ in range(chosen.choice([1, 1, 2, 6])):
        _spoil(chosen, data, some)
    whole = bytes(data[: 4 * LONGEST])
    packed = chosen.random()
    if packed < 0.05:
        return gzip.compress(whole)[: chosen.choice([None, -1, 30])]
    return base64.b64encode(whole) if packed < 0.08 else whole


def _exchange(chosen: random.Random, data: bytearray) -> None:
    """Mostly for one that looks alike: a port for a port, an address for an address."""
    words = [*WORD.finditer(data)]
    if words:
        one = chosen.choice(words)
        alike = known_words().get(_shape(one[0])) if chosen.random() < 0.8 else None
        data[one.start() : one.end()] = chosen.choice(alike or WORDS)


@functools.cache
def known_words() -> Mapping[bytes, Sequence[bytes]]:
    """Shape -> the words of that shape in what is spoilt."""
    found: dict[bytes, set[bytes]] = {}
    for data in seeds():
        for word in WORD.findall(data):
            found.setdefault(_shape(word), set()).add(word)
    return {shape: sorted(words) for shape, words in found.items()}


def _shape(word: bytes) -> bytes:
    """203.0.113.7 -> 0.0.0.0"""
    return re.sub(rb"[0-9]+", b"0", re.sub(rb"[a-z]+", b"a", word))


def _spoil(chosen: random.Random, data: bytearray, some: Sequence[bytes]) -> None:
    at = chosen.randint(0, len(data))
    end = min(len(data), at + chosen.choice([1, 3, 20, 200]))
    kind = chosen.randrange(6)
    if kind == 0 and data:
        data[at % len(data)] = chosen.randrange(256)
    elif kind == 1:
        del data[at:end]
    elif kind == 2:
        data[at:at] = data[at:end] * chosen.choice([1, 2, 50])
    elif kind == 3:
        data[at:at] = chosen.choice(WORDS) * chosen.choice([1, 1, 1, 40, 3000])
    elif kind == 4:
        other = chosen.choice(some)
        data[at:end] = other[chosen.randint(0, len(other)) :][:500]
    else:
        data[at:end] = bytes(reversed(data[at:end]))


def read(data: bytes) -> None:
    """As far as rules of both backends. Raises PolicyRefused, and nothing else."""
    rules = ruleset.build(policy.parse(userdata.section(data), read_list=lambda path: ""))
    nftables.render(rules)
    for family in (4, 6):
        iptables.render(rules, family)


def failures(seed: str, count: int) -> Iterator[tuple[bytes, str]]:
    chosen, some = random.Random(seed), seeds()
    for _ in range(count):
        data = spoilt(chosen, some)
        began = time.process_time()
        try:
            read(data)
        except PolicyRefused as refused:
            if not refused.problems or len(refused.problems) > bounds.MAX_PROBLEMS + 1:
                yield data, f"refused with {len(refused.problems)} problems"
        except Exception:
            yield data, traceback.format_exc()
        if (took := time.process_time() - began) > EACH:
            yield data, f"took {took:.1f} s"


def main(seed: str, count: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seconds = SPARE + count // 100
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    found = 0
    for data, why in failures(seed, count):
        found += 1
        print(f"{data[:2000]!r}\n{why}\n", flush=True)
    print(f"{count} read, {found} of them wrong")
    return min(found, 100)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
