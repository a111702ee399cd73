"""the sources -> every file of the repository that is made of them: `make generate`.

    python3 -m tools.generate            version, engines, schema, expected texts of the case folders, what other files
                                         say of distributions, reference pages, shown text, plots
    python3 -m tools.generate schema     one of them
    python3 -m tools.generate --all      and what a kernel and a shell say, as root

It prints the name of each file that it wrote anew. Read the difference before you commit it: a golden is evidence only
because tests/kernel loads the same text and sends packets at it. The tests fail while one of the files is stale.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from . import (
    comparison,
    distributions,
    engine,
    entry,
    goldens,
    measured,
    pages,
    picture,
    reference,
    schema,
    shown,
    support,
    version,
)
from .pages import HOME, Files


def _shown() -> Files:
    return ((page, shown.refreshed(page)) for page in pages.pages())


def _from_a_machine() -> Files:
    from . import played  # machines of the tests, which nothing else here has to do with

    for rewritten in (shown.from_kernel, played.rewritten):
        yield from ((page, rewritten(page)) for page in pages.pages())


# In the order in which they are made of each other: the page about the policy is made of the schema.
KINDS: dict[str, Callable[[], Files]] = {
    "version": version.made,
    "entry": entry.made,
    "engine": engine.made,
    "schema": schema.made,
    "goldens": goldens.made,
    "distributions": distributions.made,
    "reference": reference.made,
    "shown": _shown,
    "picture": picture.made,
    "measured": measured.made,
    "support": support.made,
    "comparison": comparison.made,
}


def stale(kinds: Sequence[str] = tuple(KINDS)) -> Files:
    """What is not as the sources have it."""
    for kind in kinds:
        yield from _stale(KINDS[kind]())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.generate", description="Make what is made of the sources.")
    parser.add_argument("kind", nargs="*", help=f"of {', '.join(KINDS)}; default: all of them")
    parser.add_argument("--all", action="store_true", help="also what a kernel and a shell say (as root)")
    options = parser.parse_args(arguments)
    if unknown := [kind for kind in options.kind if kind not in KINDS]:
        parser.error(f"not made here: {', '.join(unknown)}")
    _write(stale(options.kind or tuple(KINDS)))
    if options.all:
        _write(_stale(_from_a_machine()))
    return 0


def _stale(files: Files) -> Files:
    for path, text in files:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path, text


def _write(files: Files) -> None:
    for path, text in files:
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HOME), flush=True)


if __name__ == "__main__":
    sys.exit(main())
