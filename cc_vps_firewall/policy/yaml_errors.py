"""What PyYAML raises -> PolicyRefused in words: what is wrong with a text, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from .messages import quoted, refusal


def marked(message: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, message, at.start_mark)


MAX_DEPTH = 100  # collections within collections
TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_NOT_ITS_TAG = "a value that is not what its tag says"
_NO_COLON = "a colon is missing after the key that began in line {began}"
_NOT_IN_LINE = "does not line up with what stands above it; look at the spaces that these lines begin with"
# What libyaml and PyYAML's own parser say of the same mistake -> what to do about it.
_SAID = (
    ("mapping values are not allowed", "a second `: ` in one line; begin a new line, or quote the text"),
    ("',' or ']'", "a comma or ] is missing in the list that began in line {began}"),
    ("',' or '}'", "a comma or } is missing in the mapping that began in line {began}"),
    ("expected key|<block end>|expected '-'|<document start>", _NOT_IN_LINE),
    ("end of stream|document separator", "the quotation mark of line {began} is not closed"),
    ("escape", "YAML knows no such escape; write two backslashes, or use single quotes"),
    ("expected ':'", _NO_COLON),
    ("unexpected ':'", "a colon that YAML does not expect; quote the text"),
    ("node content", "a value is missing here, or begins with a character of YAML's own; quote it"),
    ("sequence entries are not allowed", "a list cannot begin here; give its first `- ` a line of its own"),
    ("undefined tag handle", "a tag that nothing declares; take it out, or quote the text if it begins with !"),
    ("alphabetic or numeric", "an anchor or an alias without a name; quote the text if it begins with & or *"),
    ("unhashable", "a list or a mapping cannot be a key"),
    ("for merging", "<< takes a mapping, or a list of mappings"),
    ("expected whitespace or line break", "a tag that no space ends; quote the text if it begins with !"),
)


@contextmanager
def refusing(where: str, text: str) -> Iterator[None]:
    """Whatever PyYAML raises -> PolicyRefused, with line and column."""
    try:
        yield
    except yaml.reader.ReaderError:
        odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
        before = text[: odd.start()] if odd else ""
        at = _place(before.count("\n"), len(before) - before.rfind("\n") - 1)
        what = f"{quoted(odd[0])} is not" if odd else "something here is not"
        raise refusal(where, f"{at}{what} a character that YAML takes") from None
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # libyaml from 0.2.6 on reads ahead, and has a limit of its own
            raise refusal(where, TOO_DEEP) from None
        mark = error.problem_mark or error.context_mark
        at = _place(mark.line, mark.column) if mark else ""
        raise refusal(where, at + _in_words(error, text)) from None
    except (yaml.YAMLError, RecursionError):
        raise refusal(where, "is no YAML that could be read") from None


def _place(line: int, column: int) -> str:
    return f"line {line + 1}, column {column + 1}: "


def _in_words(error: yaml.MarkedYAMLError, text: str) -> str:
    said = str(error.problem)
    marks: list[Any] = [mark for mark in (error.problem_mark, error.context_mark) if mark]
    index = marks[0].index if marks else len(text)
    word, character = _word(text, index), text[index : index + 1]
    of_parser = isinstance(error, (yaml.scanner.ScannerError, yaml.parser.ParserError))
    if of_parser and re.fullmatch(r"[0-9A-Fa-f:.]+(/[0-9]+)?", word) and word.count(":") > 1:
        return f"{quoted(word)} has colons that YAML takes for its own; quote it: '{word}'"
    if tag := re.search("constructor for the tag '(.*)'", said):
        name = tag[1].replace("tag:yaml.org,2002:", "!!")
        return f"{quoted(name)} is a tag that YAML itself does not have; take it out, or quote the text"
    if "cannot start any token" in said and character == "\t":
        return "a tab, where YAML takes spaces alone"
    if "cannot start any token" in said:
        return f"a value cannot begin with {character}; quote it"
    words = next((words for pattern, words in _SAID if re.search(pattern, said)), "")
    if words is _NOT_IN_LINE:
        words = _misplaced(text, index)
    elif words is _NO_COLON and re.match("-[^ -]", text[marks[-1].index :]):
        words = "a space is missing after the dash of a list's item"
    elif not words:
        raised_by_constructor = isinstance(error, yaml.constructor.ConstructorError)
        words = _NOT_ITS_TAG if raised_by_constructor else ", ".join(filter(None, (error.context, error.problem)))
    return words.replace("{began}", str(marks[-1].line + 1) if marks else "?")


def _misplaced(text: str, index: int) -> str:
    """What stands where YAML expects a key: at the beginning of a line, or after a whole value."""
    before = text[text.rfind("\n", 0, index) + 1 : index]
    if not before.strip():
        return _NOT_IN_LINE
    if text[index : index + 1] in ("]", "}"):
        return "a bracket that nothing opens"
    if before[-1] in "'\"":
        return "a text goes on after its quotation mark; write a mark inside it twice, or use the other kind around it"
    return "stands after a value that is whole; begin a new line, or quote the text"


def _word(text: str, index: int) -> str:
    """What stands at a mark, up to the next space, bracket, comma or quotation mark on either side."""
    before = re.search(r"[^\s\[\]{},\"']{0,60}$", text[max(index - 60, 0) : index])
    after = re.match(r"[^\s\[\]{},\"']{0,60}", text[index : index + 60])
    return (before[0] if before else "") + (after[0] if after else "")
