"""The languages of alerts, and what the alerts say that the exporter itself sends."""
