"""Who runs a command."""

import getpass
import os
import socket


def user_at_host() -> str:
    """The user's name and the machine's."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name; OSError from Python 3.13 on
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"
