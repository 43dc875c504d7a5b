"""What a digest says, in each language: formats, whose fields are filled in as text."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark_exporter.alert_texts.language import Language


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    worse: str
    better: str
    longest: str
    more: str
    counts: str
    week: str
    values: str
    commit: str
    opened: str
    changed_worse: str
    changed_better: str
    separator: str
    scope: str


WORDS: Mapping[Language, Words] = {
    "en": Words(
        worse="Worse",
        better="Better",
        longest="Open the longest",
        more="and {count} more",
        counts="{project}, {worse} worse, {better} better, {open} open",
        week="{summary}, week to {day}",
        values="{name}{ratio}, {before} → {after}",
        commit=" since {commit}",
        opened="{name} for {days} days, since {began}, {state}",
        changed_worse="{change} worse",
        changed_better="{change} better",
        separator=", ",
        scope=" ({parts})",
    ),
    "ja": Words(
        worse="悪化",
        better="改善",
        longest="長く続いている回帰",
        more="ほか {count} 件",
        counts="{project}、悪化 {worse} 件、改善 {better} 件、継続中 {open} 件",
        week="{summary}、{day} までの 1 週間",
        values="{name}{ratio}、{before} → {after}",
        commit="、コミット {commit} 以降",
        opened="{name}、{days} 日間、{began} から、{state}",
        changed_worse="{change} 悪化",
        changed_better="{change} 改善",
        separator="、",
        scope="（{parts}）",
    ),
}
