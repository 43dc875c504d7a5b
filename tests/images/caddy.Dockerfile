# Like caddy.
ARG BASE
FROM ${BASE}
COPY usr/bin/caddy /usr/bin/caddy
RUN install -d /config/caddy /data/caddy
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
EXPOSE 80 443
VOLUME /config /data
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
