"""Why a server has refused its configuration, with the mistake that only its log names.

Prometheus answers a reload with "one or more errors occurred" when a file of rules has a mistake;
the file, the line and the mistake are in its log.
"""

import re
from collections.abc import Sequence

_BEGINS = 'msg="Loading configuration file"'
_ERROR = re.compile(r"level=error\b.*?\berr=(?:\"((?:[^\"\\]|\\.)*)\"|(\S+))", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")
# What Prometheus logs about the reload as a whole, after what was wrong.
_OF_THE_WHOLE = ("error loading rules", "one or more errors occurred")


def reason(answer: str, log: Sequence[str]) -> str:
    """The answer to a reload, and the mistakes that the server's newest lines name.

    `answer` alone if the log has none that it does not state itself.
    """
    begun = [number for number, line in enumerate(log) if _BEGINS in line]
    found = []
    for line in log[begun[-1] :] if begun else ():
        if match := _ERROR.search(line):
            mistake = _ESCAPED.sub(r"\1", match[1] if match[1] is not None else match[2])
            if mistake not in answer and not mistake.startswith(_OF_THE_WHOLE):
                found.append(mistake)
    return "\n".join([answer, *(f"  {mistake}" for mistake in dict.fromkeys(found))])
