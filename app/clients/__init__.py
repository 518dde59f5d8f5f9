"""Clients: ready configurations for the programs that upload here, each with a token of its own."""

from .filling import Bucket, Host, check, curl_line, file_name, fill, host_of, sxcu
from .guide import Guide, guide
from .issue import new_client
from .table import CLIENTS, SYSTEMS, Client, Needs, find, system_of
from .tickets import TICKET_LIFE, new_ticket, read_ticket

__all__ = [
    "CLIENTS",
    "SYSTEMS",
    "TICKET_LIFE",
    "Bucket",
    "Client",
    "Guide",
    "Host",
    "Needs",
    "check",
    "curl_line",
    "file_name",
    "fill",
    "find",
    "guide",
    "host_of",
    "new_client",
    "new_ticket",
    "read_ticket",
    "sxcu",
    "system_of",
]
