"""The Resources dashboard: processes, cores, the host, and whether it was quiet."""

from grafana_foundation_sdk.builders import dashboard

from grafana.board import Board
from grafana.no_data import NO_SAMPLE_OF_EXPORTER, NO_SAMPLE_OF_NODE, NOT_MEASURED
from grafana.overview_benchmarks import memory
from grafana.panels import SLOW_SCRAPE, Panel, bars, curves, now, number, query, tally
from grafana.selectors import OF_PROJECT, newest
from grafana.style import CRITICAL, GOOD, NEUTRAL, WARNING, threshold_lines, thresholds

OF_HOST, OF_PROCESSES = (
    f'cpu_utilization_percent{{process{matches}"system"}}' for matches in ("=", "!=")
)
IDLE = newest('node_cpu_seconds_total{mode="idle"}')
# Above these, HostNoisyDuringBenchmark fires while results arrive.
NOISY_LOAD, NOISY_STEAL = 1.5, 0.05


def resources() -> dashboard.Dashboard:
    """Build Resources, from whether the host was quiet to what is left."""
    description = "Was the machine quiet while benchmarks ran, and what is in use?"
    board = Board("Resources", description, since="now-1h", variables=False)
    board.annotate()
    board.place(4, load_now(), steal_now(), waiting_now(), memory_left(), disk_left(), throttled())
    board.row("Was the host quiet? Commits, switched on above, show when results arrived")
    board.place(9, load(), waiting())
    board.row("Processes and cores")
    board.place(9, memory(), process_cpu(), cores())
    board.row("Host")
    board.place(8, host_cpu(), host_memory(), disk(), network())
    return board.dashboard


def load_now() -> Panel:
    panel = number(
        "Load per core",
        "Processes running or waiting per core, over five minutes. A benchmark that keeps "
        "every core busy has a load of 1; anything above that is waiting.",
        now("max(instance:node_load5_per_cpu:ratio)", "load"),
        unit="none",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.decimals(2).thresholds(thresholds(GOOD, (1, NEUTRAL), (NOISY_LOAD, WARNING)))


def steal_now() -> Panel:
    panel = number(
        "Taken by other VMs",
        "Share of CPU time that the hypervisor gave to other virtual machines, over five minutes.",
        now("max(instance:node_cpu_steal:ratio_rate5m)", "steal"),
        unit="percentunit",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.decimals(1).thresholds(thresholds(GOOD, (NOISY_STEAL, WARNING)))


def waiting_now() -> Panel:
    panel = number(
        "Waiting for memory",
        "Share of time in which something waited for memory, over five minutes.",
        now("max(instance:node_memory_waiting:ratio_rate5m)", "waiting"),
        unit="percentunit",
        no_value=NOT_MEASURED,
    )
    return panel.decimals(1).thresholds(thresholds(GOOD, (0.05, WARNING)))


def memory_left() -> Panel:
    panel = number(
        "Memory available",
        "Memory available without swapping, as a share of the total.",
        now("min(node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)", "available"),
        unit="percentunit",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.decimals(0).thresholds(thresholds(CRITICAL, (0.05, WARNING), (0.15, GOOD)))


def disk_left() -> Panel:
    panel = number(
        "Free space, fullest disk",
        "Free space on the fullest writable file system. Below 3 % an alert fires.",
        now(
            "min(node_filesystem_avail_bytes / node_filesystem_size_bytes and "
            "node_filesystem_readonly == 0)",
            "free",
        ),
        unit="percentunit",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.decimals(0).thresholds(thresholds(CRITICAL, (0.03, WARNING), (0.2, GOOD)))


def throttled() -> Panel:
    return tally(
        "Throttled",
        "How often the processor was slowed down within five minutes because of heat or power.",
        now("max(instance:node_cpu_throttles:increase5m)", "times"),
        color=WARNING,
        no_value=NOT_MEASURED,
    )


def load() -> Panel:
    panel = curves(
        "Load per core",
        "Processes running or waiting per core, over one and five minutes. Above the line, an "
        "alert marks arriving results as unreliable.",
        query(
            f"max({newest('instance:node_load5_per_cpu:ratio')})",
            "five minutes",
            step=SLOW_SCRAPE,
        ),
        query(
            f"max({newest('node_load1')} / on (instance) count by (instance) ({IDLE}))",
            "one minute",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="none",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return (
        panel.min(0)
        .axis_soft_max(NOISY_LOAD + 0.5)
        .thresholds(thresholds(GOOD, (NOISY_LOAD, WARNING)))
        .thresholds_style(threshold_lines())
    )


def waiting() -> Panel:
    panel = curves(
        "Waiting for resources",
        "Share of time in which something waited for a core, for memory or for a disk, and "
        "share of CPU time taken by other virtual machines. The line is the alert threshold "
        "for memory and for other machines.",
        query(
            "max(rate(node_pressure_cpu_waiting_seconds_total[$__rate_interval]))",
            "a core",
            step=SLOW_SCRAPE,
        ),
        query(
            "max(rate(node_pressure_memory_waiting_seconds_total[$__rate_interval]))",
            "memory",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        query(
            "max(rate(node_pressure_io_waiting_seconds_total[$__rate_interval]))",
            "a disk",
            ref="C",
            step=SLOW_SCRAPE,
        ),
        query(
            f"max({newest('instance:node_cpu_steal:ratio_rate5m')})",
            "other virtual machines",
            ref="D",
            step=SLOW_SCRAPE,
        ),
        unit="percentunit",
        no_value=NOT_MEASURED,
    )
    return (
        panel.min(0)
        .axis_soft_max(0.1)
        .thresholds(thresholds(GOOD, (NOISY_STEAL, WARNING)))
        .thresholds_style(threshold_lines())
    )


def process_cpu() -> Panel:
    panel = curves(
        "CPU by process",
        "The exporter's CPU use in percent of one core, and the host's, averaged over its cores.",
        query(
            f"max by (process, project) ({newest(OF_PROCESSES)})",
            f"{{{{process}}}}{OF_PROJECT}",
            step=SLOW_SCRAPE,
        ),
        query(f"avg({newest(OF_HOST)})", "host", ref="B", step=SLOW_SCRAPE),
        unit="percent",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.min(0).axis_soft_max(5)


def cores() -> Panel:
    panel = bars(
        "Cores",
        "Use of each core of the exporter's host between its last two samples.",
        now('max by (core) (cpu_utilization_percent{process="system"})', "core {{core}}"),
        unit="percent",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.decimals(0).min(0).max(100).thresholds(thresholds(GOOD, (80, WARNING)))


def host_cpu() -> Panel:
    busy = 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$__rate_interval]))'
    panel = curves(
        "CPU of the host, by mode",
        "What the cores spent their time on, except idling; 100 % is all cores.",
        query(
            f"{busy} / scalar(count({IDLE}))",
            "{{mode}}",
            step=SLOW_SCRAPE,
        ),
        unit="percentunit",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.min(0).fill_opacity(20)


def host_memory() -> Panel:
    available = newest("node_memory_MemAvailable_bytes")
    panel = curves(
        "Memory of the host",
        "Memory in use, and memory available without swapping.",
        query(
            f"sum({newest('node_memory_MemTotal_bytes')} - {available})",
            "used",
            step=SLOW_SCRAPE,
        ),
        query(f"sum({available})", "available", ref="B", step=SLOW_SCRAPE),
        unit="bytes",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.min(0)


def disk() -> Panel:
    panel = curves(
        "Disks",
        "Bytes read and written per second, by device.",
        query(
            "sum by (device) (rate(node_disk_written_bytes_total[$__rate_interval]))",
            "{{device}} written",
            step=SLOW_SCRAPE,
        ),
        query(
            "sum by (device) (rate(node_disk_read_bytes_total[$__rate_interval]))",
            "{{device}} read",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="Bps",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.min(0)


def network() -> Panel:
    panel = curves(
        "Network",
        "Bytes received and sent per second, on all interfaces except loopback.",
        query(
            "sum(rate(node_network_receive_bytes_total[$__rate_interval]))",
            "received",
            step=SLOW_SCRAPE,
        ),
        query(
            "sum(rate(node_network_transmit_bytes_total[$__rate_interval]))",
            "sent",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="Bps",
        no_value=NO_SAMPLE_OF_NODE,
    )
    return panel.min(0)
