"""`python -m app.cli` is the `bowerbird` command."""

from . import main

main()
