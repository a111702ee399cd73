"""pages -> the metadata service of a cloud, in a guest's wire: what it is asked for is written down.

    metadata.py ADDRESS PAGES-FILE     one JSON line per request, with the code that it was answered with

A page is asked for by `METHOD PATH`, without the query. Where it requires headers, whoever does not send them gets a
401, as from the services that want a token or a header of their own.
"""

from __future__ import annotations

import base64
import http.server
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PORT = 80


@dataclass(frozen=True)
class Page:
    """One answer, and the headers that it takes to get it: a value, or none where any will do."""

    body: bytes
    requires: Mapping[str, str | None] = field(default_factory=dict)


def write(pages: Mapping[str, Page], file: Path) -> None:
    """Put pages where a service reads them from."""
    told = {
        asked: {"body": base64.b64encode(page.body).decode(), "requires": dict(page.requires)}
        for asked, page in pages.items()
    }
    file.write_text(json.dumps(told))


def read(file: Path) -> dict[str, Page]:
    """The pages that were written there."""
    told = json.loads(file.read_text())
    return {asked: Page(base64.b64decode(page["body"]), page["requires"]) for asked, page in told.items()}


def serve(address: str, pages: Mapping[str, Page]) -> None:
    """Answer until the process ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            page = pages.get(f"{self.command} {path}") or pages.get(f"{self.command} {path.rstrip('/')}")
            code = 404
            if page is not None:
                sent = all(
                    name in self.headers and value in (None, self.headers[name])
                    for name, value in page.requires.items()
                )
                code = 200 if sent else 401
            body = page.body if page is not None and code == 200 else b""
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            print(json.dumps({"asked": f"{self.command} {self.path}", "code": code}), flush=True)

        do_GET = do_PUT = do_POST = answer

        def log_message(self, *said: object) -> None:
            """What is told is told above."""

    http.server.ThreadingHTTPServer((address, PORT), Handler).serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], read(Path(sys.argv[2])))
