"""a word that is no name -> the name that was meant, or what to write instead; never what is more dangerous."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .services import ALIASES, internal, names

# Words that people write for what is no service here, or another one: what to write instead. Without an answer it is a
# name of something else that looks like one of ours.
_ANSWERS = {
    "icmp icmpv6 icmp6 ipv6-icmp ping": "pings are the key ping; what networks need of ICMP always passes",
    "docker podman container containers": "a port that a container publishes is opened by its number, such as 8080/tcp",
    "kubernetes k8s k3s kube": "name what this machine serves to others, such as kube-apiserver",
    "sshd openssh openssh-server ssh-server": "SSH is the key ssh",
    "all": "everything opens to networks and interfaces alone: {service: all, from: [10.0.0.0/8]} in allow",
    "any everything": "name what is to be open, one by one; a range is written 1024-65535/tcp",
    "tcp udp": "a port is written with its protocol, such as 8080/tcp",
    "sctp dccp igmp ospf ip ipv4 ipv6": "ports of TCP and UDP can be opened, and no more of that protocol",
    "apache apache2 httpd nginx caddy haproxy traefik": "a web server is http and https, together web",
    "postfix exim exim4 sendmail": "mail from other servers is smtp; with all that users need it is mail",
    "dovecot": "mailboxes are imaps and pop3s",
    "bind bind9 named unbound": "a name server is dns",
    "chrony chronyd ntpd": "a time server is ntp; a machine that asks one needs nothing",
    "dhclient bootpc": "answers of DHCP servers always come in",
    "vpn": "name it: wireguard, openvpn or ipsec",
    "ssmtp": "mail from users, over TLS, is smtps",
    "lo localhost loopback": "loopback is always open",
    "established related": "answers always come in",
    "kerberos4 ldp mailq ms-sql-m nat nntp rtcp rtp saft skip snpp srtp telnets": "",
}
ANSWERS: Mapping[str, str] = {word: answer for words, answer in _ANSWERS.items() for word in words.split()}

SYNONYMS = {
    "source": "from", "sources": "from", "src": "from", "destination": "to", "destinations": "to", "dst": "to",
    "iface": "interface", "device": "interface", "rate": "limit", "open": "allow", "block": "deny",
    "forward": "route", "interface": "in", "snat": "masquerade", "nat": "masquerade",
}  # fmt: skip


# Names to propose for one that is misspelt. To anywhere: none that should not be open to it, and not SSH, which has a
# key of its own.
NAMES = names()
FOR_ANYWHERE = tuple(name for name in NAMES if not internal(name) and ALIASES.get(name, name) != "ssh")


def meant(word: str, known: Iterable[str]) -> str:
    """The name that a word is a slip of the finger away from, '' where there is none: one letter more, less or wrong,
    or two that changed places; two such slips in a long word. The first letter is mostly right. A short name is near
    to too many words for more than two letters that changed places."""
    found: list[tuple[int, str]] = []
    for name in known:
        most = 1 + (min(len(word), len(name)) >= 5 and max(len(word), len(name)) >= 7)
        if abs(len(name) - len(word)) > most or not (word[:1] == name[:1] or word[1::-1] == name[:2]):
            continue
        slips = _slips(word, name)
        if slips <= most and (len(name) > 3 or sorted(word) == sorted(name)):
            found.append((slips, name))
    return min(found)[1] if found else ""


def _slips(one: str, other: str) -> int:
    """How many letters have to be added, left out, replaced, or changed with their neighbour."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            least = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, above = above, row
    return above[-1]
