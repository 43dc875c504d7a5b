"""What somebody else would send to the parts of a stack."""

import json

# A name that its owner has pointed at this machine.
EVIL_HOST = "evil.example"
FORGED_ALERT = {
    "status": "firing",
    "labels": {"alertname": "Forged", "severity": "critical"},
    "annotations": {},
    "fingerprint": "f",
}
# As Alertmanager sends it to a webhook.
FORGED_ALERTS = json.dumps({"version": "4", "alerts": [FORGED_ALERT]})
