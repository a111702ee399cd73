"""`make demo` -> exit 0 and a first impression that fits on a screen, or exit 1 and what is wrong."""

from __future__ import annotations

import pytest

from tests.demo import __main__ as demo


def test_comes_out_as_the_stanza_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every row of the table answers as the stanza wants it, with both backends."""
    code = demo.main([])
    told = capsys.readouterr().out
    assert code == 0, told
    assert len(told.splitlines()) <= 60
    assert " 3306  MySQL                   open    open    closed  closed" in told
    assert "  443  https                   open    open    open    open" in told


def test_says_so_when_it_does_not(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A stanza that opens one port more than the table wants is noticed."""
    monkeypatch.setattr(demo, "STANZA", demo.STANZA.replace("[http,", "[3306/tcp, http,"))
    assert demo.main([]) == 1
    assert "MySQL (3306) over IPv4: open before, open after" in capsys.readouterr().out
