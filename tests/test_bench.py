"""The measurements can be chosen, and each names a limit."""

from __future__ import annotations

import pytest

from bench import __main__ as bench
from bench import calls
from bench.rounds import DATABASES, at_least, at_most


def chosen(*arguments: str) -> list[str]:
    return list(bench.find_cases(bench.parse(arguments)))


def test_a_measurement_is_chosen_by_the_beginning_of_its_name_and_by_database():
    assert chosen("unread", "create") == ["unread-count", "create"]
    assert chosen("badge", "--database", "sqlite") == ["badge/sqlite", "badge-written/sqlite"]
    assert not chosen("something else")
    assert bench.main(["something else"]) == 2


def test_the_quick_run_measures_every_call_on_both_databases():
    assert chosen("--quick") == [f"{call.name}/{name}" for name in DATABASES for call in calls.CALLS]
    assert chosen("--quick", "create") == ["create"]
    assert bench.parse(["--quick"]).rounds < bench.parse([]).rounds
    with pytest.raises(SystemExit):
        bench.parse(["--quik"])


def test_a_cluster_is_measured_by_every_call_on_postgresql():
    assert chosen("--cluster") == [f"{call.name}/postgresql" for call in calls.CALLS]
    assert chosen("--cluster", "badge", "create") == ["badge/postgresql", "badge-written/postgresql"]
    with pytest.raises(SystemExit):
        bench.parse(["--cluster", "--database", "sqlite"])


def test_every_call_has_its_own_name_and_a_limit():
    assert len({call.name for call in calls.CALLS}) == len(calls.CALLS)
    for call in calls.CALLS:
        assert call.limit >= 1
        assert call.request.encode(7).startswith(f"{call.request.method} /".encode())
        for statement in call.before:
            assert statement.format(row=7, reader=1).startswith("UPDATE ")


def test_costs_have_upper_limits_and_rates_have_lower_ones():
    assert at_most(10).is_met(9.9)
    assert not at_most(10).is_met(10.1)
    assert at_least(0.5).is_met(0.6)
    assert not at_least(0.5).is_met(0.4)
