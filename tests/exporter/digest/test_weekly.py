"""What a weekly digest says of changes and open regressions."""

from benchmark_exporter.digest.weekly import (
    LONGEST_NAME,
    MOST_LINES,
    digests_of,
    lines,
    summary,
)
from benchmark_exporter.digest.words import WORDS
from benchmark_exporter.ledger import ChangePoint
from benchmark_exporter.ledger.week import OpenRegression, WeekRows
from benchmark_exporter.model import Scope

NOW = 1_780_000_000.0  # 2026-05-28
DAY = 86_400.0
ROUTER = Scope("router", "ci", "linux", "main")
PARSER = Scope("parser", "ci", "linux", "main")


def change(
    name: str,
    before: float,
    after: float,
    *,
    scope: Scope = ROUTER,
    days_ago: float = 1.0,
    larger_is_worse: bool = True,
) -> ChangePoint:
    at = NOW - days_ago * DAY
    return ChangePoint(
        scope=scope,
        name=name,
        unit="seconds",
        run=int(at),
        run_id="x",
        commit_hash="a1b2c3d4e5f60718",
        at_seconds=at,
        previous_run=1,
        previous_run_id="y",
        previous_commit_hash="b",
        previous_seconds=at - 60,
        value_before=before,
        value_after=after,
        ratio=after / before - 1 if before > 0 else None,
        p_value=0.001,
        worse=(after > before) == larger_is_worse,
        reported_seconds=None,
        found_seconds=at,
    )


def opened(name: str, days: float, scope: Scope = ROUTER) -> OpenRegression:
    return OpenRegression(scope, name, "critical", 0.25, "abc", NOW - days * DAY)


def text(*changes: ChangePoint, regressions: list[OpenRegression] | None = None) -> list[str]:
    (digest,) = digests_of(WeekRows(list(changes), regressions or [], True))
    return list(lines(digest, NOW))


def test_each_project_has_its_own_and_one_without_news_has_none() -> None:
    week = WeekRows(
        [change("route", 1.0, 1.2), change("parse", 2.0, 1.0, scope=PARSER)],
        [opened("parse", 30, PARSER)],
        True,
    )
    parser, router = digests_of(week)
    assert summary(router) == "router, 1 worse, 0 better, 0 open"
    assert list(lines(router, NOW)) == [
        "Worse",
        "- route +20.0%, 1 s → 1.2 s since a1b2c3d4e5f6 (main, ci, linux)",
    ]
    assert summary(parser) == "parser, 0 worse, 1 better, 1 open"
    assert list(lines(parser, NOW)) == [
        "Better",
        "- parse -50.0%, 2 s → 1 s since a1b2c3d4e5f6 (main, ci, linux)",
        "Open the longest",
        "- parse for 30 days, since 2026-04-28, critical, 25.0% worse (main, ci, linux)",
    ]
    assert digests_of(WeekRows([], [], True)) == []


def test_the_largest_come_first_and_the_rest_is_counted() -> None:
    changes = [change(f"r{number}", 1.0, 1.0 + number / 10) for number in range(1, 9)]
    regressions = [opened(f"o{number}", 50 - number) for number in range(7)]
    found = text(*changes, regressions=regressions)
    assert [line.split()[1] for line in found[1 : MOST_LINES + 2]] == [
        "r8", "r7", "r6", "r5", "r4", "and",
    ]  # fmt: skip
    assert found[MOST_LINES + 1] == "- and 3 more"
    assert found[MOST_LINES + 3].startswith("- o0 for 50 days")
    assert found[-1] == "- and 2 more"


def test_several_changes_of_a_result_are_one_and_undone_ones_none() -> None:
    assert digests_of(
        WeekRows([change("a", 1.0, 1.5, days_ago=3), change("a", 1.5, 1.02)], [], True)
    ) == []  # fmt: skip
    assert text(change("a", 1.0, 1.5, days_ago=3), change("a", 1.5, 1.25)) == [
        "Worse",
        "- a +25.0%, 1 s → 1.25 s since a1b2c3d4e5f6 (main, ci, linux)",
    ]
    assert text(change("a", 1.0, 1.5, days_ago=3), change("a", 1.5, 0.5))[0] == "Better"
    # More is better of a throughput.
    found = text(
        change("a", 100.0, 50.0, days_ago=3, larger_is_worse=False),
        change("a", 50.0, 130.0, larger_is_worse=False),
    )
    assert found[0] == "Better"
    assert "+30.0%" in found[1]


def test_a_level_that_is_not_positive_has_no_ratio() -> None:
    assert text(change("a", 0.0, 1.0))[1].startswith("- a, 0 ns → 1 s since")


def test_texts_of_documents_break_no_line_and_are_cut() -> None:
    hostile = f"a\n- forged: {'x' * 500}\x1b[31m\u202e"
    scope = Scope("p\nq", "e\nf", "m\ng", "b\nh")
    found = text(change(hostile, 1.0, 1.2, scope=scope), regressions=[opened(hostile, 3, scope)])
    assert len(found) == 4
    for line in found:
        assert line.isprintable()
        assert ": " not in line
        assert len(line) < 4 * LONGEST_NAME


def test_it_says_the_same_in_japanese() -> None:
    names = [f"経路/{number}" for number in range(MOST_LINES + 1)]
    week = WeekRows(
        [*(change(name, 1.0, 1.2) for name in names), change("route", 2.0, 1.0)],
        [opened("parse", 30)],
        True,
    )
    (digest,) = digests_of(week)
    words = WORDS["ja"]
    assert summary(digest, words) == "router、悪化 6 件、改善 1 件、継続中 1 件"
    found = list(lines(digest, NOW, words))
    assert found[0] == "悪化"
    assert "- 経路/0 +20.0%、1 s → 1.2 s、コミット a1b2c3d4e5f6 以降（main、ci、linux）" in found
    assert f"- ほか {len(names) - MOST_LINES} 件" in found
    assert found[-4:] == [
        "改善",
        "- route -50.0%、2 s → 1 s、コミット a1b2c3d4e5f6 以降（main、ci、linux）",
        "長く続いている回帰",
        "- parse、30 日間、2026-04-28 から、critical、25.0% 悪化（main、ci、linux）",
    ]
