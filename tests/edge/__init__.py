"""A stand-in for Cloudflare: what it does to requests into a Worker and out of it, for viewers, and what it keeps."""

from .cache_side import WorkerCache
from .public_side import Edge, Origin, World
from .worker_side import MAX_BODY, Egress, Ingress
from .zone import Account, Token, Zone

__all__ = ["MAX_BODY", "Account", "Edge", "Egress", "Ingress", "Origin", "Token", "WorkerCache", "World", "Zone"]
