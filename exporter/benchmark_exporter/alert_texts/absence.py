"""What PrometheusDown says, in each language."""

from collections.abc import Mapping

from benchmark_exporter.alert_texts.language import ENGLISH, Language

_SUMMARY: Mapping[Language, str] = {
    "en": "Prometheus does not scrape the benchmark exporter",
    "ja": "Prometheus がベンチマークエクスポーターをスクレイプしていません",
}
_DESCRIPTION: Mapping[Language, str] = {
    "en": (
        "No Prometheus has scraped the exporter for {report:g} seconds. It is down, or cannot "
        "reach the exporter. No rule is evaluated, so no other alert begins. Those that were "
        "firing are kept until {limit:g} seconds after the last scrape. Then they are reported as "
        "resolved, which does not mean recovery."
    ),
    "ja": (
        "{report:g} 秒間、どの Prometheus もエクスポーターをスクレイプしていません。Prometheus が"
        "停止しているか、エクスポーターに到達できません。ルールが評価されないため、ほかのアラートは"
        "始まりません。発生中だったアラートは最後のスクレイプから {limit:g} 秒後まで保たれます。"
        "その後は解消と通知されますが、回復したという意味ではありません。"
    ),
}


def annotations(
    report_after_seconds: float,
    limit_seconds: float,
    exporter_url: str | None,
    alertname: str,
    language: Language,
) -> dict[str, str]:
    """The alert's annotations; with a link to its runbook if the exporter's address is known."""
    description = _DESCRIPTION[language].format(report=report_after_seconds, limit=limit_seconds)
    texts = {"summary": _SUMMARY[language], "description": description}
    if exporter_url is None:
        return texts
    folder = "runbooks" if language == ENGLISH else f"runbooks/{language}"
    return {**texts, "runbook_url": f"{exporter_url}/{folder}/{alertname}"}
