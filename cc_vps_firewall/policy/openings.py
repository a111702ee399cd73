"""Services, groups and ports of a policy -> the ports that they open."""

from __future__ import annotations

import re

from . import services, suggest
from .messages import quoted
from .model import Opening, read_opening
from .sources import SourceValues

_PORT = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:/(.*))?")


class OpeningValues(SourceValues):
    """Values that name what is to be open."""

    def opening(self, path: str, item: object, anywhere: bool) -> tuple[Opening, ...]:
        """A bare item of a list: a service, a group or PORT/PROTOCOL."""
        if isinstance(item, str) and not re.match(r"-?[0-9]", item):
            return self.service(path, item, anywhere)
        if isinstance(item, (str, int, float)) and not isinstance(item, bool):
            return self.port(path, item)
        self.refuse(path, f"{quoted(item)} is neither a service, a group nor a port; write http or 8080/tcp")
        return ()

    def service(self, path: str, name: object, anywhere: bool = True) -> tuple[Opening, ...]:
        found = services.lookup(name) if isinstance(name, str) else None
        if found:
            return tuple(read_opening(text) for text in found)
        if isinstance(name, str) and name in self.lists:
            self.refuse(path, f"{quoted(name)} is a list of sources, not a service; name it in from")
            return ()
        if isinstance(name, str) and _PORT.fullmatch(name):
            self.refuse(path, f"{quoted(name)} is a port, not a service; write port: {quoted(name)}")
            return ()
        hint = suggest.ANSWERS.get(name.lower()) if isinstance(name, str) else None
        if hint is None:
            hint = self.suggest(name, suggest.FOR_ANYWHERE if anywhere else suggest.NAMES)
        self.refuse(path, f"{quoted(name)} is not a service or a group; {hint or 'a port is written 8080/tcp'}")
        return ()

    def port(self, path: str, value: object) -> tuple[Opening, ...]:
        match = _PORT.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
            self.refuse(path, f"{value} names no protocol; write {value}/tcp or {value}/udp")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self.refuse(path, f"{quoted(value)} is not a port (1-65535)")
        elif not match:
            text = value if isinstance(value, str) else ""
            if re.fullmatch(r"-?[0-9.]+(/.*)?", text):
                self.refuse(path, f"{quoted(text.partition('/')[0])} is not a port (1-65535)")
            else:
                hint = "service: " + text if services.lookup(text) else "8080/tcp or 60000-61000/udp"
                self.refuse(path, f"{quoted(value)} is not a port; write {hint}")
        else:
            return self.checked_port(path, match)
        return ()

    def checked_port(self, path: str, match: re.Match[str]) -> tuple[Opening, ...]:
        first, last, proto = int(match[1]), int(match[2] or match[1]), match[3]
        wrong = [f"{port} is not a port (1-65535)" for port in dict.fromkeys((first, last)) if not 1 <= port <= 65535]
        ports, right = match[0].partition("/")[0], Opening("", min(first, last), max(first, last)).ports
        if not wrong and re.search(r"\b0[0-9]", ports):
            wrong.append(f"{ports} has a leading zero; write {right}")
        elif not wrong and last < first:
            wrong.append(f"{ports} is a reversed range; write {right}")
        if not wrong and proto is None:
            wrong.append(f"{ports} names no protocol; write {right}/tcp or {right}/udp")
        elif proto not in ("tcp", "udp", None):
            wrong.append(f"{quoted(proto)} is not a protocol with ports; write {right}/tcp or {right}/udp")
        for message in wrong:
            self.refuse(path, message)
        return () if wrong else (Opening(proto, first, last),)

    def number(self, path: str, value: object) -> int:
        """A port by its number."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
            return value
        self.refuse(path, f"{quoted(value)} is not a port; write its number, such as 443")
        return 0

    def ssh_port(self, path: str, value: object) -> tuple[int, ...]:
        listed = isinstance(value, list)
        items = [(f"{path}[{n}]", v) for n, v in enumerate(value)] if isinstance(value, list) else [(path, value)]
        if listed and not items:
            self.refuse(path, "names no port at all; leave it out for the ports sshd listens on")
        ports = []
        for at, port in items:
            if isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535:
                ports.append(port)
            elif isinstance(port, str) and port.isascii() and port.isdigit() and 1 <= int(port[:9]) <= 65535:
                self.refuse(at, f"'{quoted(port)}' is text; write the number without quotes")
            else:
                self.refuse(at, f"{quoted(port)} is not a port (1-65535)")
        return tuple(dict.fromkeys(ports))
