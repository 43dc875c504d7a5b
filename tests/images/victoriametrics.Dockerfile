# Like victoriametrics/victoria-metrics.
ARG BASE
FROM ${BASE}
COPY usr/bin/victoria-metrics /victoria-metrics-prod
EXPOSE 8428
ENTRYPOINT ["/victoria-metrics-prod"]
