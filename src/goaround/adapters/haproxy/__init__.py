"""The front door: HAProxy, changed through its admin socket only."""

from goaround.adapters.haproxy.front_door import HAProxy

__all__ = ["HAProxy"]
