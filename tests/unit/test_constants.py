"""What is certain in a program is worked out, and what only looks so is left."""

from __future__ import annotations

import ast

import pytest

from tools import constants

# A program, whose function main() is called from outside; what has to be gone; what has to be left.
PROGRAMS = {
    "a parameter that is the same in every call": (
        "def path(root, name):\n return root + name\ndef main():\n return path('/', 'a') + path('/', 'b')",
        ("root",),
        ("path(", "name"),
    ),
    "one that is the same value in every call": (
        "HERE = object()\ndef path(root, name):\n return 'here' if root == HERE else name\n"
        "def main():\n return path(HERE, 'a') + path(HERE, 'b')",
        ("root", "else"),
        ("'here'",),
    ),
    "one that is a value bound anew": (
        "HERE = 'x'\nHERE += 'y'\ndef path(root, name):\n return root + name\n"
        "def main():\n return path(HERE, 'a') + path(HERE, 'b')",
        (),
        ("path(HERE",),
    ),
    "one that is never given": (
        "def say(text, loud=False):\n return text.upper() if loud else text\ndef main():\n return say('a') + say('b')",
        ("loud", "upper"),
        (),
    ),
    "one that differs": (
        "def path(root, name):\n return root + name\ndef main():\n return path('/', 'a') + path('', 'a')",
        (),
        ("root",),
    ),
    "one that is bound anew": (
        "def count(n):\n n = n + 1\n return n\ndef main():\n return count(1) + count(1)",
        (),
        ("def count(n)",),
    ),
    "one of a function that is also a value": (
        "def twice(n):\n return 2 * n\ndef main():\n return twice(1) + sum(map(twice, [3]))",
        (),
        ("def twice(n)",),
    ),
    "nothing that is added, and two that are the same": (
        "def same(a, b):\n return a in (b, b + '')\ndef main():\n return [same(n, m) for n in 'ab' for m in 'ab']",
        ("''", "in ("),
        ("a == b",),
    ),
    "a branch that is never taken": (
        "def main():\n if 'a' == 'b':\n  return 1\n elif not False:\n  return 2\n return 3",
        ("return 1",),
        ("return 2",),
    ),
    "a call that comes to nothing": (
        "def off(a):\n return False\ndef main():\n return [n for n in (1, 2) if not off(n)]",
        ("off",),
        (),
    ),
    "a call whose argument does something": (
        "done = []\ndef off(a):\n return False\ndef main():\n off(a=done.append(1))\n return done",
        (),
        ("append",),
    ),
    "a field that nobody reads": (
        "from dataclasses import dataclass\n@dataclass\nclass Host:\n name: int\n cloud: int = 0\n"
        "def main():\n return Host('a', cloud='b').name",
        ("cloud",),
        (),
    ),
    "one that replace() names": (
        "from dataclasses import dataclass, replace\n@dataclass\nclass Host:\n name: int\n cloud: int = 0\n"
        "def main():\n return replace(Host('a'), cloud='b').name",
        (),
        ("cloud",),
    ),
    "one whose value does something": (
        "from dataclasses import dataclass\ndone = []\n@dataclass\nclass Host:\n name: int\n cloud: int = 0\n"
        "def main():\n return Host('a', cloud=done.append(1)).name, done",
        (),
        ("append",),
    ),
}


def said(program: str) -> object:
    space: dict[str, object] = {}
    exec(compile(program, "program", "exec"), space)  # noqa: S102 - one of those above
    main = space["main"]
    assert callable(main)
    return main()


@pytest.mark.parametrize(("program", "gone", "left"), PROGRAMS.values(), ids=PROGRAMS)
def test_it_does_the_same_with_less(program: str, gone: tuple[str, ...], left: tuple[str, ...]) -> None:
    settled = ast.unparse(constants.settled(ast.parse(program)))
    body = settled.partition("def main")[2] if "off" in gone else settled
    assert said(settled) == said(program)
    assert [word for word in gone if word in body] == []
    assert [word for word in left if word not in settled] == []
