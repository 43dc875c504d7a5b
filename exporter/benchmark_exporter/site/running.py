"""What is running, in a few lines: the live page has it all."""

from collections.abc import Sequence
from html import escape

from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.model import Scope
from benchmark_exporter.site.addresses import benchmark_address, link
from benchmark_exporter.stream.messages import Progress
from benchmark_exporter.texts.say import Say, phrase
from benchmark_exporter.wording import with_unit

RUNS_SHOWN = 3
_KINDS = {"running": "undecided", "silent": "warning"}
# What a run says of itself. Others are shown as they are.
_STATUS_WORDS = {
    "running": phrase("running"),
    "silent": phrase("silent"),
    "completed": phrase("completed"),
    "failed": phrase("failed"),
    "interrupted": phrase("interrupted"),
    "gone": phrase("gone"),
}


def running_part(running: Sequence[Progress] | None, state: CurrentState, say: Say) -> str:
    """The newest runs that write live files. It is short, so that it leaves room on a phone.

    A benchmark has a page once a run of it has ended.
    """
    if running is None:
        page = link("live", say("live page"))
        where = say("What is running is on the {page}, for those with a token.", page=page)
        return f"<p>{where}</p>"
    if not running:
        return f'<p class="quiet" id="running">{say("Nothing is running.")}</p>'
    shown = running[-RUNS_SHOWN:]
    names = {each.benchmark for each in shown}
    known = {(run.scope.project, run.benchmark) for run in state.runs if run.benchmark in names}
    items = "".join(_item(each, (each.project, each.benchmark) in known, say) for each in shown)
    more = len(running) - RUNS_SHOWN
    rest = f"<p>{link('live', say('{count} more running', count=more))}</p>" if more > 0 else ""
    return (
        f'<section aria-labelledby="running"><h2 id="running">{say("Running now")}</h2>'
        f'<ul class="entries running">{items}</ul>{rest}</section>'
    )


def _item(progress: Progress, has_page: bool, say: Say) -> str:
    scope = Scope(progress.project, progress.environment, "", progress.branch)
    address = benchmark_address(scope, progress.benchmark)
    name = link(address, progress.benchmark) if has_page else escape(progress.benchmark)
    where = " · ".join(filter(None, (progress.project, progress.branch, progress.environment)))
    status = say(_STATUS_WORDS.get(progress.status, progress.status))
    return (
        f'<li class="entry" data-key="{escape(progress.run_id)}">'
        f"<p>{name} "
        f'<span class="badge {_KINDS.get(progress.status, "unknown")}">'
        f'{escape(status)}</span> <span class="quiet">{escape(where)}</span> '
        f"{_facts(progress, say)} {_bar(progress, say)}</p></li>"
    )


def _facts(progress: Progress, say: Say) -> str:
    facts = []
    if progress.iteration is not None:
        done = str(progress.iteration)
        if progress.iterations is not None:
            done = say("{done} of {count}", done=done, count=progress.iterations)
        facts.append(done)
    if progress.execution_time_ms is not None:
        facts.append(with_unit(progress.execution_time_ms / 1e3, "seconds"))
    if progress.memory_mb is not None:
        facts.append(with_unit(progress.memory_mb * 1e6, "bytes"))
    if progress.cpu_percent is not None:
        facts.append(f"{progress.cpu_percent:.0f}% CPU")
    return " · ".join(f'<span class="value">{escape(fact)}</span>' for fact in facts)


def _bar(progress: Progress, say: Say) -> str:
    if not progress.iterations:
        return ""
    value = min(progress.iteration or 0, progress.iterations)
    label = say("Progress of {benchmark}", benchmark=escape(progress.benchmark))
    return f'<progress max="{progress.iterations}" value="{value}" aria-label="{label}"></progress>'
