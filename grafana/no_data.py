"""What panels show when there is no data, which explains why."""

NO_RUN = "No run yet: copy a result into results/"
NO_HISTORY = "No result has been judged yet"
EXPORTER_DOWN = "Exporter is down"
PROMETHEUS_DOWN = "Prometheus is down"
ALERTMANAGER_DOWN = "Alertmanager is down"
NODE_DOWN = "node_exporter is down"
