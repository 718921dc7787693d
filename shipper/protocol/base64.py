"""Base64 as trackers send it: URL-safe alphabet, padded (safe in a GET, and Enrich takes it)."""

from __future__ import annotations

from base64 import urlsafe_b64encode


def encode(data: bytes) -> str:
    """Encode *data* for `ue_px` and `cx`."""
    return urlsafe_b64encode(data).decode()
