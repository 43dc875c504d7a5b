"""The language of the alerts that the exporter itself sends: a file that it reads each time.

So `make reload` changes it without a restart of the exporter.
"""

from pathlib import Path

from stack import alert_texts, credential
from stack.settings import Settings

NAME = "alert_language"


def file(settings: Settings) -> Path:
    """Where the exporter reads it: in the folder that every part of the stack may read."""
    return credential.folder(settings) / NAME


def write(settings: Settings) -> None:
    """Write the file, if its content changes.

    Raises:
        OSError: it cannot be written.
    """
    credential.write_shared(file(settings), f"{settings[alert_texts.SETTING]}\n", settings)
