# Like victoriametrics/vmauth.
ARG BASE
FROM ${BASE}
COPY usr/bin/vmauth /vmauth-prod
EXPOSE 8427
ENTRYPOINT ["/vmauth-prod"]
