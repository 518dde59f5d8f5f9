"""A stand-in for Cloudflare: what it does to requests into a Worker, to those out of it, and for viewers."""

from .public_side import Edge, Origin, World
from .worker_side import MAX_BODY, Egress, Ingress
from .zone import Account, Token, Zone

__all__ = ["MAX_BODY", "Account", "Edge", "Egress", "Ingress", "Origin", "Token", "World", "Zone"]
