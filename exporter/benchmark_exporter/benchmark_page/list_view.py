"""The list of benchmarks as HTML: filters that stay in the address, and 50 rows a page."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from operator import attrgetter

from benchmark_exporter.benchmark_page.addresses import LIST, address
from benchmark_exporter.benchmark_page.axis import axis_of
from benchmark_exporter.benchmark_page.benchmark_view import STYLE
from benchmark_exporter.benchmark_page.list_query import SORTS, ListQuery
from benchmark_exporter.benchmark_page.list_reading import PAGE_ROWS, BenchmarkList, Row
from benchmark_exporter.benchmark_page.markup import (
    attribute,
    badge,
    link,
    short_name,
    short_variant,
    table_of,
    text,
)
from benchmark_exporter.benchmark_page.states import KINDS, STATES, State
from benchmark_exporter.site import layout
from benchmark_exporter.site.cells import moment
from benchmark_exporter.site.commits import commit
from benchmark_exporter.texts.say import Say, phrase
from benchmark_exporter.wording import (
    ENDED_WITH_ERROR,
    Said,
    gate_said,
    printable,
    verdict_said,
    verdict_word,
    with_unit,
)

_SCRIPT = '<script type="module" src="search.js"></script>'
_FILTERS = ("project", "environment", "branch")
# A select of more values than this is a text field.
_MOST_CHOICES = 200
_WIDTH, _HEIGHT = 120, 28
# Those of the states that are not verdicts.
_WORDS: dict[State, str] = {
    "error": ENDED_WITH_ERROR,
    "gate_failed": phrase("gate failed"),
    "not_judged": phrase("not judged"),
}
_FIELD_WORDS = {
    "project": phrase("Project"),
    "environment": phrase("Environment"),
    "branch": phrase("Branch"),
    "machine_class": phrase("Machine class"),
}


def page_of(listed: BenchmarkList, query: ListQuery, say: Say) -> str:
    """A page of the list."""
    body = (
        f"<h1>{say('Benchmarks')}</h1>{_form(listed, query, say)}{_states(listed, query, say)}"
        f"{_found(listed, query, say)}{_rows(listed, say)}{_pages(listed, query, say)}"
    )
    return layout.page(say("All"), body, current="benchmarks", say=say, head=STYLE + _SCRIPT)


def _word(state: State, say: Say) -> str:
    return say(_WORDS[state]) if state in _WORDS else verdict_word(state, say)


def _form(listed: BenchmarkList, query: ListQuery, say: Say) -> str:
    selects = "".join(
        _select(field, getattr(query, field), listed.choices[field], say)
        for field in _FILTERS
        if len(listed.choices[field]) > 1 or getattr(query, field)
    )
    states = _options(
        query.state, [(state, _word(state, say)) for state in STATES], every=say("any")
    )
    sorts = _options(query.sort, [(sort, say(word)) for sort, word in SORTS.items()])
    return (
        f'<form action="{LIST}" role="search"><label>{say("Search")} '
        f'<input type="search" name="q" id="q" value="{attribute(query.q)}" maxlength="500" '
        f'aria-keyshortcuts="/"></label>{selects}'
        f'<label>{say("State")} <select name="state">{states}</select></label>'
        f'<label>{say("Order")} <select name="sort">{sorts}</select></label>'
        f"<button>{say('Show')}</button> {link(LIST, say('Reset'))}</form>"
    )


def _select(field: str, chosen: str, choices: Sequence[str], say: Say) -> str:
    word = say(_FIELD_WORDS[field])
    if len(choices) > _MOST_CHOICES:
        value = attribute(chosen)
        return f'<label>{word} <input name="{field}" value="{value}"></label>'
    values = choices if not chosen or chosen in choices else [chosen, *choices]
    options = _options(chosen, [(value, printable(value)) for value in values], every=say("any"))
    return f'<label>{word} <select name="{field}">{options}</select></label>'


def _options(chosen: str, entries: Sequence[tuple[str, str]], *, every: str | None = None) -> str:
    shown = entries if every is None else [("", every), *entries]
    return "".join(
        f'<option value="{attribute(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(word)}</option>"
        for value, word in shown
    )


def _states(listed: BenchmarkList, query: ListQuery, say: Say) -> str:
    """How many are in each state, each a link to those alone."""
    entries = "".join(
        f"<li>{link(query.address(state=state), shown, current=query.state == state)}</li>"
        for state in STATES
        if (count := listed.by_state.get(state))
        for shown in [badge(_counted(count, state, say))]
    )
    label = say("States")
    return f'<nav aria-label="{label}"><ul class="states">{entries}</ul></nav>' if entries else ""


def _counted(count: int, state: State, say: Say) -> Said:
    text = say("{count} {state}", count=f"{count:,}", state=_word(state, say))
    return Said(text, KINDS[state])


def _found(listed: BenchmarkList, query: ListQuery, say: Say) -> str:
    if listed.count == 0:
        none = say("No benchmarks yet. They appear with their first run of a tracked branch.")
        return f'<p class="empty">{none}</p>'
    if listed.found == 0:
        none = say("None of {count} benchmarks is like this.", count=f"{listed.count:,}")
        return f'<p class="empty">{none}</p>'
    first = (query.page - 1) * PAGE_ROWS + 1
    if not listed.rows:
        only = say("There are only {count}.", count=f"{listed.found:,}")
        return f'<p class="empty">{only}</p>'
    last = first + len(listed.rows) - 1
    shown = say("{first} to {last}", first=f"{first:,}", last=f"{last:,}")
    if listed.found > len(listed.rows):
        shown = say("{shown} of {count}", shown=shown, count=f"{listed.found:,}")
    return f"<p>{shown}</p>"


def _rows(listed: BenchmarkList, say: Say) -> str:
    if not listed.rows:
        return ""
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in listed.rows:
        alike[row.benchmark.benchmark].append(row)
    apart = {name: _varying(rows) for name, rows in alike.items()}
    columns: dict[str, Callable[[Row], str]] = {
        say("Benchmark"): lambda row: _name(row, apart[row.benchmark.benchmark]),
        say("State"): lambda row: badge(_said(row, say)),
        say("Newest value"): _newest_value,
        say("Trend"): lambda row: _trend(row, listed, say),
        say("Gate"): lambda row: _gate(row, say),
    }
    # The project says whose they are. Other fields tell rows apart only where they differ, and need
    # no column where every name has them next to it.
    fields = [
        field
        for field in _varying(listed.rows)
        if field != "project" and not all(field in shown for shown in apart.values())
    ]
    for field in ("project", *fields):
        columns[say(_FIELD_WORDS[field])] = partial(_short, attrgetter(f"benchmark.scope.{field}"))
    columns[say("Commit")] = lambda row: commit(
        row.benchmark.commit_hash, listed.repository_of(row)
    )
    columns[say("Newest run (UTC)")] = lambda row: moment(row.benchmark.timestamp_seconds)
    return table_of(say("Benchmarks"), columns, listed.rows)


def _varying(rows: Sequence[Row]) -> Sequence[str]:
    """The fields of their scopes in which rows differ."""
    return [
        field
        for field in (*_FILTERS, "machine_class")
        if len({getattr(row.benchmark.scope, field) for row in rows}) > 1
    ]


def _short(of: Callable[[Row], str], row: Row) -> str:
    return short_name(of(row))


def _name(row: Row, telling_apart: Sequence[str]) -> str:
    """A link to a benchmark; next to it, what tells it apart from others of its name."""
    benchmark = row.benchmark
    to = link(address(benchmark.benchmark, benchmark.scope), short_name(benchmark.benchmark))
    scope = [getattr(benchmark.scope, field) for field in telling_apart]
    where = " · ".join(filter(None, scope))
    return f'{to} <span class="quiet short">{text(where)}</span>' if where else to


def _newest_value(row: Row) -> str:
    worst = row.worst
    if worst is None:
        return ""
    value = text(with_unit(worst.value, worst.unit))
    return f"{value} {short_variant(worst.name, row.benchmark.benchmark)}"


def _trend(row: Row, listed: BenchmarkList, say: Say) -> str:
    if row.worst is None:
        return ""
    values = listed.trends.get((row.worst.scope, row.worst.name), ())
    return _sparkline(values, row.worst.unit, say)


def _gate(row: Row, say: Say) -> str:
    passed = row.benchmark.passed
    return "" if passed is None else badge(gate_said(passed, row.benchmark.severity, say))


def _said(row: Row, say: Say) -> Said:
    worst = row.worst
    if worst is not None and worst.state == row.state:
        said = verdict_said(worst.state, worst.worsening_ratio, say=say)
        triage = "" if worst.triage in (None, "new") else f"{say(', ')}{worst.triage}"
        return Said(said.text + triage, said.kind)
    return Said(_word(row.state, say), KINDS[row.state])


def _sparkline(values: Sequence[float], unit: str, say: Say) -> str:
    if len(values) < 2:
        return ""
    axis = axis_of(values)
    step = _WIDTH / (len(values) - 1)
    points = " ".join(
        f"{number * step:.0f},{_HEIGHT * (1 - axis.share(value)):.0f}"
        for number, value in enumerate(values)
    )
    label = say(
        "{count} runs, {first} to {last}",
        count=len(values),
        first=with_unit(values[0], unit),
        last=with_unit(values[-1], unit),
    )
    return (
        f'<svg class="spark" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{attribute(printable(label))}">'
        f'<polyline class="line" points="{points}"/></svg>'
    )


def _pages(listed: BenchmarkList, query: ListQuery, say: Say) -> str:
    last = -(-listed.found // PAGE_ROWS)
    if last < 2:
        return ""
    near = {1, last, *range(query.page - 2, query.page + 3)}
    entries = "".join(
        f"<li>{link(query.address(page=str(page)), f'{page:,}', current=page == query.page)}</li>"
        for page in sorted(near)
        if 1 <= page <= last
    )
    return f'<nav aria-label="{say("Pages of the list")}"><ul class="days">{entries}</ul></nav>'
