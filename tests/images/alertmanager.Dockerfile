# Like prom/alertmanager; Debian's build reads its default templates from /usr/share at run time.
ARG BASE
FROM ${BASE}
COPY usr/bin/prometheus-alertmanager /bin/alertmanager
COPY usr/bin/amtool /bin/amtool
COPY usr/share/prometheus/alertmanager /usr/share/prometheus/alertmanager
COPY etc/prometheus/alertmanager.yml /etc/alertmanager/alertmanager.yml
RUN install -d -o nobody -g nogroup /alertmanager
USER nobody
EXPOSE 9093
VOLUME /alertmanager
WORKDIR /alertmanager
ENTRYPOINT ["/bin/alertmanager"]
CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]
