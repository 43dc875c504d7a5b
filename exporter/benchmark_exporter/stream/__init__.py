"""What runs now, brought to WebSocket clients and the live page."""
