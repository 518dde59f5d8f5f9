"""IP addresses: which are out in the Internet, which lead inwards, and whose a request is that came by proxies."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Trusted = int | tuple[Network, ...]  # how many proxies there are, or where they are

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Which Python takes for global: https://www.iana.org/assignments/iana-ipv6-special-registry
_INWARD = [
    ipaddress.ip_network(text)
    for text in (
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
        "192.0.0.0/24",  # Oracle's cloud tells its metadata there
        "192.88.99.0/24",  # an anycast that wraps what comes into IPv6
        "168.63.129.16/32",  # Azure's cloud tells its metadata there
    )
]


def is_public(address: str) -> bool:
    """Whether an IP address is somewhere out in the Internet, whatever it is wrapped in.

    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "::127.0.0.1")]
    [True, False, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast and not any(found in network for network in _INWARD)


def client_address(peer: str, forwarded: str, trusted: Trusted) -> str:
    """Return the address of who asked, when `peer` did so with the X-Forwarded-For `forwarded`, to which each proxy
    adds on the right where its request came from.

    Of a number of proxies the first one's word counts; of their addresses, from the right, each one's that is trusted.
    What tells no address changes nothing. An IPv4 address that is wrapped in IPv6 is unwrapped.

    >>> client_address("10.0.0.1", "6.6.6.6, 192.0.2.7", 1), client_address("10.0.0.1", "192.0.2.7", 2)
    ('192.0.2.7', '10.0.0.1')
    >>> near = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))
    >>> client_address("::1", "6.6.6.6, [2001:db8::1]:4711, 10.0.0.1", near)
    '2001:db8::1'
    >>> client_address("192.0.2.7", "6.6.6.6", near)
    '192.0.2.7'
    """
    told = forwarded.split(",") if forwarded else []  # read one by one: a header may have thousands
    found = _read(peer)
    if isinstance(trusted, int):
        first = _read(told[-trusted]) if 0 < trusted <= len(told) else None
        found = first or found
    else:
        while found and told and any(found in network for network in trusted) and (before := _read(told.pop())):
            found = before
    return str(found) if found else peer


def is_proxy(peer: str, trusted: Trusted) -> bool:
    """Whether `peer` is one of the proxies that are trusted; of a number of them nobody knows where they are.

    >>> is_proxy("10.0.0.1", (ipaddress.ip_network("10.0.0.0/8"),)), is_proxy("192.0.2.7", 1), is_proxy("10.0.0.1", 0)
    (True, True, False)
    """
    if isinstance(trusted, int):
        return trusted > 0
    found = _read(peer)
    return found is not None and any(found in network for network in trusted)


def household(address: str) -> str:
    """Return whom to count requests of `address` for: the address, or the /64 of IPv6, of which one home has 2**64.

    >>> household("2001:db8::1"), household("192.0.2.7"), household("::ffff:192.0.2.7"), household("")
    ('2001:db8::/64', '192.0.2.7', '192.0.2.7', 'unknown')
    """
    ip = _read(address)
    if isinstance(ip, IPv6Address):
        return str(IPv6Network((int(ip), 64), strict=False))
    return str(ip) if ip else "unknown"


def _read(text: str) -> Address | None:
    """Return the address that is written, maybe with a port or quoted; None for anything else."""
    text = text.strip().strip('"')
    if bracketed := re.fullmatch(r"\[([^\]]+)\](?::[0-9]{1,5})?", text):
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
