"""A plan is a value: what JSON keeps of it makes the same plan."""

from __future__ import annotations

import json

import pytest

from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan import decide
from cc_vps_firewall.plan import model as plan

SECTIONS = {
    "nothing": {},
    "one backend": {"backend": "iptables", "allow": ["http"]},
    "everything": {"ssh": {"from": ["192.0.2.0/24"]}, "allow": ["https"], "deny": ["198.51.100.7"], "ping": False},
}


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_a_plan_outlives_json(section: dict[str, object]) -> None:
    made = decide.plan(section, Host(), anything=True)
    again = plan.from_json(json.loads(json.dumps(plan.as_json(made))))
    assert json.dumps(plan.as_json(again)) == json.dumps(plan.as_json(made))
    for one, other in zip(made.candidates, again.candidates):
        assert (one.backend, dict(one.texts)) == (other.backend, dict(other.texts))
    assert {each.backend for each in again.candidates} == {"nftables", "iptables"}


def test_of_all_candidates_one_is_rendered() -> None:
    """Each backend with the guard against floods and without: the texts of the others are made when they are read."""
    made = decide.plan({}, Host())
    first, *others = made.candidates
    assert first.texts[0]
    assert [each.backend for each in made.candidates] == ["nftables", "nftables", "iptables", "iptables"]
    assert [each.texts._texts for each in others] == [None] * 3  # type: ignore[attr-defined]
