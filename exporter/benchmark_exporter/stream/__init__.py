"""Sends what is running now to WebSocket clients and the live page."""
