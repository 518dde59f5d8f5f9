"""Tokens in the keyring of the desktop, where there is one that works."""

from types import ModuleType

SERVICE = "bowerbird"


def keep(account: str, token: str) -> str | None:
    """Put a token into the keyring and return what the keyring is called; None where there is none that keeps it."""
    library = _library()
    try:
        library.set_password(SERVICE, account, token)
        if library.get_password(SERVICE, account) == token:
            return str(library.get_keyring().name)
    except (library.errors.KeyringError, RuntimeError, OSError):
        pass
    return None


def find(account: str) -> str | None:
    """Return the token of an account; None where there is none, or the keyring stays locked."""
    library = _library()
    try:
        found: str | None = library.get_password(SERVICE, account)
    except (library.errors.KeyringError, RuntimeError, OSError):
        return None
    return found


def forget(account: str) -> None:
    """Take the token of an account out of the keyring; that there is none is no error."""
    library = _library()
    try:
        library.delete_password(SERVICE, account)
    except (library.errors.KeyringError, RuntimeError, OSError):
        return


def _library() -> ModuleType:
    import keyring  # noqa: PLC0415 slow: it looks through all that is installed, and most runs do not need it
    import keyring.errors  # noqa: PLC0415

    return keyring
