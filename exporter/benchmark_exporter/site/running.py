"""What is running, in a few lines: the live page has it all."""

from collections.abc import Sequence
from html import escape

from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.model import Scope
from benchmark_exporter.site.addresses import benchmark_address, link
from benchmark_exporter.stream.messages import Progress
from benchmark_exporter.wording import with_unit

RUNS_SHOWN = 3
_KINDS = {"running": "undecided", "silent": "warning"}


def running_part(running: Sequence[Progress] | None, state: CurrentState) -> str:
    """The newest runs that write live files. It is short, so that it leaves room on a phone.

    A benchmark has a page once a run of it has ended.
    """
    if running is None:
        return (
            '<p>What is running is on the <a href="live">live page</a>, for those with a token.</p>'
        )
    if not running:
        return '<p class="quiet" id="running">Nothing is running.</p>'
    shown = running[-RUNS_SHOWN:]
    names = {each.benchmark for each in shown}
    known = {(run.scope.project, run.benchmark) for run in state.runs if run.benchmark in names}
    items = "".join(_item(each, (each.project, each.benchmark) in known) for each in shown)
    more = len(running) - RUNS_SHOWN
    rest = f'<p><a href="live">{more} more running</a></p>' if more > 0 else ""
    return (
        '<section aria-labelledby="running"><h2 id="running">Running now</h2>'
        f'<ul class="entries running">{items}</ul>{rest}</section>'
    )


def _item(progress: Progress, has_page: bool) -> str:
    scope = Scope(progress.project, progress.environment, "", progress.branch)
    address = benchmark_address(scope, progress.benchmark)
    name = link(address, progress.benchmark) if has_page else escape(progress.benchmark)
    where = " · ".join(filter(None, (progress.project, progress.branch, progress.environment)))
    return (
        f'<li class="entry" data-key="{escape(progress.run_id)}">'
        f"<p>{name} "
        f'<span class="badge {_KINDS.get(progress.status, "unknown")}">'
        f'{escape(progress.status)}</span> <span class="quiet">{escape(where)}</span> '
        f"{_facts(progress)} {_bar(progress)}</p></li>"
    )


def _facts(progress: Progress) -> str:
    facts = []
    if progress.iteration is not None:
        of = "" if progress.iterations is None else f" of {progress.iterations}"
        facts.append(f"{progress.iteration}{of}")
    if progress.execution_time_ms is not None:
        facts.append(with_unit(progress.execution_time_ms / 1e3, "seconds"))
    if progress.memory_mb is not None:
        facts.append(with_unit(progress.memory_mb * 1e6, "bytes"))
    if progress.cpu_percent is not None:
        facts.append(f"{progress.cpu_percent:.0f}% CPU")
    return " · ".join(f'<span class="value">{escape(fact)}</span>' for fact in facts)


def _bar(progress: Progress) -> str:
    if not progress.iterations:
        return ""
    value = min(progress.iteration or 0, progress.iterations)
    return (
        f'<progress max="{progress.iterations}" value="{value}" '
        f'aria-label="Progress of {escape(progress.benchmark)}"></progress>'
    )
