"""Names and bodies with which a client shows what it can do."""

import os

# A space, a plus, a percent, letters of two, three and four bytes, and every sign that means something somewhere.
AWKWARD = [
    "k7Wq3Zp.png",
    "a b.png",
    "a+b.png",
    "a%20b 100%.png",
    "ü/𝄞 😀.png",
    "a'b\"c(1)!*.png",
    "~a,b;c:d@e=f&g$h.png",
    "a?b#c.png",
    "[a] {b} <c> |^`.png",
]
SMALL, LARGE = os.urandom(40_000), os.urandom(12 * 1024 * 1024)
