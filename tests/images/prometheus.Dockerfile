# Like prom/prometheus.
ARG BASE
FROM ${BASE}
COPY usr/bin/prometheus /bin/prometheus
COPY etc/prometheus/prometheus.yml /etc/prometheus/prometheus.yml
COPY usr/share/prometheus/web /usr/share/prometheus/web
RUN install -d -o nobody -g nogroup /prometheus
USER nobody
EXPOSE 9090
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
