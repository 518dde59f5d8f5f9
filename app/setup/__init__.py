"""The set-up: from what stands at B2 and Cloudflare to what has to, in steps that can be taken again and again."""

from .run import Setup, check_key
from .wish import Wish

__all__ = ["Setup", "Wish", "check_key"]
