"""WebSocket frames as the hub writes them."""

_FIN_TEXT = 0x81


def text_frame(payload: bytes) -> bytes:
    """A complete WebSocket text frame, unmasked as a server's are (RFC 6455, section 5.2)."""
    if len(payload) < 126:
        return bytes((_FIN_TEXT, len(payload))) + payload
    if len(payload) < 1 << 16:
        return bytes((_FIN_TEXT, 126)) + len(payload).to_bytes(2, "big") + payload
    return bytes((_FIN_TEXT, 127)) + len(payload).to_bytes(8, "big") + payload
