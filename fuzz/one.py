"""One fuzzer, in a process of its own: `python -m fuzz.one TARGET [libFuzzer's options] FOLDER`."""

import sys

import atheris

with atheris.instrument_imports(include=["app", "multipart"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Run until time is up or something breaks; libFuzzer ends the process."""
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
