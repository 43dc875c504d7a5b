"""What panels show when there is no data: what is not there, never why, which no panel knows.

Only tables, numbers, bars and graphs show it. State timelines and heat maps have texts of their
own, which cannot be changed.
"""

NO_RUN = "No run of the selection in this range"
NO_RUN_NOW = "No run of the selection"
NO_HISTORY = "No judged result of the selection"
NO_CI_RUN = "No CI run of the selection"
NO_GATE = "No gate of the selection"
NOT_MEASURED = "Not measured"
NO_SAMPLE = "No sample"
NO_SAMPLE_OF_EXPORTER = "No sample of the exporter"
NO_SAMPLE_OF_ALERTMANAGER = "No sample of Alertmanager"
NO_SAMPLE_OF_NODE = "No sample of node_exporter"
NO_WATCHDOG = "silent"
