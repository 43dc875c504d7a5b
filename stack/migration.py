"""What the exporter says while it migrates the ledger of an earlier version."""

import time
import urllib.error
import urllib.request

from stack import internal
from stack.settings import EXPORTER, Settings

ANSWER_SECONDS = 3.0
SAY_SECONDS = 5.0
# How `/-/ready` begins meanwhile.
BEGINNINGS = ("not ready: copying the ledger", "not ready: migrating the ledger")


class Migration:
    """Watches a migration, and says every SAY_SECONDS how far it is."""

    def __init__(self, settings: Settings) -> None:
        self._url = internal.url(EXPORTER, settings, EXPORTER.ready_path)
        self._said_seconds = time.monotonic()

    def goes_on(self) -> bool:
        """Whether the exporter is migrating, so that it is worth waiting for."""
        doing = self._doing()
        if doing is None:
            return False
        if (now := time.monotonic()) - self._said_seconds >= SAY_SECONDS:
            self._said_seconds = now
            print(f"  exporter: {doing}", flush=True)
        return True

    def _doing(self) -> str | None:
        try:
            urllib.request.urlopen(self._url, timeout=ANSWER_SECONDS).close()  # noqa: S310  # ours
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace").strip()
            return text.removeprefix("not ready: ") if text.startswith(BEGINNINGS) else None
        except OSError:
            pass
        return None
