# Like prom/node-exporter.
ARG BASE
FROM ${BASE}
COPY usr/bin/prometheus-node-exporter /bin/node_exporter
USER nobody
EXPOSE 9100
ENTRYPOINT ["/bin/node_exporter"]
