"""The list of benchmarks as HTML: filters that stay in the address, and 100 rows a page."""

from collections.abc import Iterator, Sequence
from html import escape

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
    table,
    text,
    without_empty,
)
from benchmark_exporter.benchmark_page.states import KINDS, STATES, State
from benchmark_exporter.site import layout
from benchmark_exporter.site.cells import moment
from benchmark_exporter.site.commits import commit
from benchmark_exporter.wording import (
    ENDED_WITH_ERROR,
    NO_GATE,
    Said,
    gate_said,
    printable,
    verdict_said,
    with_unit,
)

_SCRIPT = '<script type="module" src="search.js"></script>'
_FILTERS = ("project", "environment", "branch")
# A select of more values than this is a text field.
_MOST_CHOICES = 200
_WIDTH, _HEIGHT = 120, 28
_WORDS: dict[State, str] = {
    **{state: state.replace("_", " ") for state in STATES},
    "error": ENDED_WITH_ERROR,
}


def page_of(listed: BenchmarkList, query: ListQuery) -> str:
    """A page of the list."""
    body = (
        f"<h1>Benchmarks</h1>{_form(listed, query)}{_states(listed, query)}"
        f"{_found(listed, query)}{_rows(listed)}{_pages(listed, query)}"
    )
    return layout.page("All", body, current="benchmarks", head=STYLE + _SCRIPT)


def _form(listed: BenchmarkList, query: ListQuery) -> str:
    selects = "".join(
        _select(field, field.capitalize(), getattr(query, field), listed.choices[field])
        for field in _FILTERS
        if len(listed.choices[field]) > 1 or getattr(query, field)
    )
    states = _options(query.state, [(state, _WORDS[state]) for state in STATES], every="any")
    sorts = _options(query.sort, list(SORTS.items()))
    return (
        f'<form action="{LIST}" role="search"><label>Search <input type="search" name="q" id="q" '
        f'value="{attribute(query.q)}" maxlength="500" aria-keyshortcuts="/"></label>{selects}'
        f'<label>State <select name="state">{states}</select></label>'
        f'<label>Order <select name="sort">{sorts}</select></label>'
        f"<button>Show</button> {link(LIST, 'Reset')}</form>"
    )


def _select(field: str, word: str, chosen: str, choices: Sequence[str]) -> str:
    if len(choices) > _MOST_CHOICES:
        value = attribute(chosen)
        return f'<label>{word} <input name="{field}" value="{value}"></label>'
    values = choices if not chosen or chosen in choices else [chosen, *choices]
    options = _options(chosen, [(value, printable(value)) for value in values], every="any")
    return f'<label>{word} <select name="{field}">{options}</select></label>'


def _options(chosen: str, entries: Sequence[tuple[str, str]], *, every: str | None = None) -> str:
    shown = entries if every is None else [("", every), *entries]
    return "".join(
        f'<option value="{attribute(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(word)}</option>"
        for value, word in shown
    )


def _states(listed: BenchmarkList, query: ListQuery) -> str:
    """How many are in each state, each a link to those alone."""
    entries = "".join(
        f"<li>{link(query.address(state=state), shown, current=query.state == state)}</li>"
        for state in STATES
        if (count := listed.by_state.get(state))
        for shown in [badge(Said(f"{count:,} {_WORDS[state]}", KINDS[state]))]
    )
    return f'<nav aria-label="States"><ul class="states">{entries}</ul></nav>' if entries else ""


def _found(listed: BenchmarkList, query: ListQuery) -> str:
    if listed.count == 0:
        return (
            '<p class="empty">No benchmarks yet. They appear with their first run of a tracked '
            "branch.</p>"
        )
    if listed.found == 0:
        return f'<p class="empty">None of {listed.count:,} benchmarks is like this.</p>'
    first = (query.page - 1) * PAGE_ROWS + 1
    if not listed.rows:
        return f'<p class="empty">There are only {listed.found:,}.</p>'
    of = f" of {listed.found:,}" if listed.found > len(listed.rows) else ""
    return f"<p>{first:,} to {first + len(listed.rows) - 1:,}{of}</p>"


def _rows(listed: BenchmarkList) -> str:
    if not listed.rows:
        return ""
    heads = ["Benchmark", "State", "Newest value", "Trend", "Gate"]
    fields = [*_FILTERS, "machine_class"]
    shown = [
        field
        for field in fields
        if len({getattr(row.benchmark.scope, field) for row in listed.rows}) > 1
        or field == "project"
    ]
    heads += [field.replace("_", " ").capitalize() for field in shown]
    heads += ["Commit", "Newest run (UTC)"]
    rows = [
        [
            *_cells(row, listed),
            *(short_name(getattr(row.benchmark.scope, field)) for field in shown),
            commit(row.benchmark.commit_hash, listed.repository_of(row)),
            moment(row.benchmark.timestamp_seconds),
        ]
        for row in listed.rows
    ]
    return table("Benchmarks", *without_empty(heads, rows))


def _cells(row: Row, listed: BenchmarkList) -> Iterator[str]:
    benchmark, worst = row.benchmark, row.worst
    yield link(address(benchmark.benchmark, benchmark.scope), short_name(benchmark.benchmark))
    yield badge(_said(row))
    if worst is None:
        yield ""
        yield ""
    else:
        variant = worst.name.removeprefix(benchmark.benchmark).removeprefix("/")
        yield f"{text(with_unit(worst.value, worst.unit))} {short_name(variant) if variant else ''}"
        yield _sparkline(listed.trends.get((benchmark.scope, worst.name), ()), worst.unit)
    gate = gate_said(benchmark.passed, benchmark.severity)
    yield badge(gate) if gate.text != NO_GATE else ""


def _said(row: Row) -> Said:
    worst = row.worst
    if worst is not None and worst.state == row.state:
        triage = "" if worst.triage in (None, "new") else f", {worst.triage}"
        said = verdict_said(worst.state, worst.worsening_ratio)
        return Said(said.text + triage, said.kind)
    return Said(_WORDS[row.state], KINDS[row.state])


def _sparkline(values: Sequence[float], unit: str) -> str:
    if len(values) < 2:
        return ""
    axis = axis_of(values)
    step = _WIDTH / (len(values) - 1)
    points = " ".join(
        f"{number * step:.0f},{_HEIGHT * (1 - axis.share(value)):.0f}"
        for number, value in enumerate(values)
    )
    label = f"{len(values)} runs, {with_unit(values[0], unit)} to {with_unit(values[-1], unit)}"
    return (
        f'<svg class="spark" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{attribute(printable(label))}">'
        f'<polyline class="line" points="{points}"/></svg>'
    )


def _pages(listed: BenchmarkList, query: ListQuery) -> str:
    last = -(-listed.found // PAGE_ROWS)
    if last < 2:
        return ""
    near = {1, last, *range(query.page - 2, query.page + 3)}
    entries = "".join(
        f"<li>{link(query.address(page=str(page)), f'{page:,}', current=page == query.page)}</li>"
        for page in sorted(near)
        if 1 <= page <= last
    )
    return f'<nav aria-label="Pages of the list"><ul class="days">{entries}</ul></nav>'
