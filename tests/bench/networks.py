"""a number -> as many networks as a real list has them: both families, most of them /24 and /48, in clusters."""

from __future__ import annotations

import random

from cc_vps_firewall.policy import WIDTH, network_text

# Prefix lengths and their share in percent, after what registries hand out and what blocklists name.
SHARES = {
    4: {24: 50, 22: 12, 32: 8, 23: 7, 20: 6, 21: 4, 19: 4, 16: 3, 18: 2, 29: 2, 17: 1, 27: 1},
    6: {48: 40, 32: 30, 44: 8, 29: 6, 40: 5, 36: 4, 64: 3, 56: 2, 128: 2},
}
IPV6 = 0.25  # of a list
BLOCKS = {4: 60, 6: 40}  # that networks cluster in: an /8 each, or a /16
GLOBAL_UNICAST = range(0x2400, 0x2E00)  # first 16 bits of what registries give out of 2000::/3


def networks(count: int, seed: int = 1) -> list[str]:
    """`count` different networks in no order. Some lie inside others, as in real lists."""
    chance = random.Random(seed)
    blocks = {4: chance.sample([n for n in range(1, 224) if n not in (10, 127)], BLOCKS[4])}
    blocks[6] = chance.sample(GLOBAL_UNICAST, BLOCKS[6])
    made: dict[str, None] = {}
    while len(made) < count:
        family = 6 if chance.random() < IPV6 else 4
        width = WIDTH[family]
        below = width - (8 if family == 4 else 16)
        prefix = chance.choices(list(SHARES[family]), list(SHARES[family].values()))[0]
        number = chance.choice(blocks[family]) << below | chance.getrandbits(below)
        rest = width - prefix
        made[network_text(family, (number >> rest << rest, prefix))] = None
    return list(made)


def changed(nets: list[str]) -> list[str]:
    """The same list a day later: one network in a hundred is another, but at least one."""
    step = min(100, len(nets))
    fresh = iter(networks(len(nets), seed=2))
    return [next(fresh) if n % step == 0 else net for n, net in enumerate(nets)]
