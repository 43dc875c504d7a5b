"""Where the level of a series changed, found afterwards and in both directions.

`levels` takes outliers out of a series and estimates its noise, `segments` divides it, `rank_test`
says how likely two samples are by chance, `search` puts these together. Pure, and imports nothing
of the rest.
"""

from benchmark_exporter.changes.search import (
    MOST_P_VALUE,
    MOST_RUNS,
    Alarm,
    Change,
    begin_of,
    find_changes,
)

__all__ = ["MOST_P_VALUE", "MOST_RUNS", "Alarm", "Change", "begin_of", "find_changes"]
