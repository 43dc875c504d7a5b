"""What `make reload` says when Prometheus refuses its configuration."""

from stack.refusal import reason

ANSWER = "failed to reload config: one or more errors occurred while applying the new configuration"
RULE = (
    r"/p/rules/a.yml: 26:15: group \"a\", rule 1, \"Slow\": could not parse expression: 1:2: parse"
    " error: unexpected right parenthesis ')'"
)
# As Prometheus 2.42 and 3.5 write them.
OLD = [
    'ts=2026-11-28T18:01:45.484Z caller=main.go:1192 level=info msg="Loading configuration file"',
    (
        'ts=2026-11-28T18:01:45.497Z caller=manager.go:1015 level=error component="rule manager" '
        f'msg="loading groups failed" err="{RULE}"'
    ),
    (
        'ts=2026-11-28T18:01:45.498Z caller=main.go:1218 level=error msg="Failed to apply '
        'configuration" err="error loading rules, previous rule set restored"'
    ),
    (
        'ts=2026-11-28T18:01:45.498Z caller=main.go:936 level=error msg="Error reloading config" '
        'err="one or more errors occurred while applying the new configuration"'
    ),
]
NEW = [
    'time=2026-11-28T18:01:45Z level=INFO source=main.go:1500 msg="Loading configuration file"',
    (
        'time=2026-11-28T18:01:45.497Z level=ERROR source=manager.go:432 msg="loading groups '
        f'failed" component="rule manager" err="{RULE}"'
    ),
]


def test_the_mistake_in_a_file_of_rules_is_named() -> None:
    said = (
        f'{ANSWER}\n  /p/rules/a.yml: 26:15: group "a", rule 1, "Slow": could not parse '
        "expression: 1:2: parse error: unexpected right parenthesis ')'"
    )
    assert reason(ANSWER, OLD) == said
    assert reason(ANSWER, NEW) == said


def test_mistakes_of_an_earlier_reload_are_not_named() -> None:
    assert reason(ANSWER, [*OLD, OLD[0]]) == ANSWER


def test_what_the_answer_states_is_not_repeated() -> None:
    answer = 'failed to reload config: undefined receiver "nosuch" used in route'
    line = r'level=error msg="Failed" err="undefined receiver \"nosuch\" used in route"'
    assert reason(answer, [OLD[0], line]) == answer


def test_without_a_log_the_answer_is_the_reason() -> None:
    assert reason(ANSWER, []) == ANSWER
