"""Rules of the house: floors, tables, files that have to be there, and the wheel alone in an empty environment."""

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import errors
from app.cli import cli
from app.cli.lazy import Lazy
from app.settings import PREFIX, Settings
from app.web.errors import STATUS, status_of
from tests.alone import of_the_lock, of_the_wheel, run_alone, unpacked_wheel

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"

FLOORS = [
    {
        "errors",
        "resources",
        "blocking",
        "logs",
        "request_ids",
        "answers",
        "spool",
        "durable",
        "counts_folder",
        "systemd",
    },
    {
        "amounts",
        "chart",
        "containers",
        "images",
        "metadata",
        "keys",
        "networks",
        "paging",
        "search",
        "tokens",
        "settings",
        "setting_types",
        "settings_file",
        "client_bounds",
        "connections",
        "pacing",
        "webhooks",
        "costs",
        "sealed",
    },
    {
        *("catalog", "store", "edge", "decoding", "decoder", "thumbnail", "videos", "writers", "heartbeat"),
        *("fetching", "partial", "partials"),
    },
    {"client"},
    {
        "archive",
        "backups",
        "deletions",
        "export",
        "facts",
        "importing",
        "meter",
        "metrics",
        "move",
        "preparing",
        "readiness",
        "receiving",
        "replacing",
        "resumable",
        "inspection",
        "rebuild",
        "restore",
        "rounds",
        "sidecar",
        "stats",
        "strays",
        "thumbnails",
        "undrawn",
        "watched",
        "uploads",
        "upkeep",
        "inventory",
        "issuing",
        "jobs",
        "clients",
        "setup",
        "doctor",
        "checkup",
    },
    {"web"},
    {"cli", "server", "master", "upkeep_process", "opening_process", "relieved", "__init__"},
]
ONLY = {
    "flask": "web",
    "werkzeug": "web",
    "sqlalchemy": "catalog",
    "alembic": "catalog",
    "boto3": "store",
    "botocore": "store",
    "b2sdk": "edge",
    "cloudflare": "edge",
    "prometheus_client": "metrics",
    "markdown_it": "web",
    "psycopg": "importing",  # of Zipline; the catalog's is SQLAlchemy's affair
    "cryptography": "sealed",
    "av": "videos",
    "keyring": "client",
    "platformdirs": "client",
    "watchdog": "client",
}


def modules():
    for path in APP.rglob("*.py"):
        place = path.relative_to(APP)
        yield path, place.parts[0].removesuffix(".py"), ast.parse(path.read_text())


def floor_of(name):
    return next(number for number, floor in enumerate(FLOORS) if name in floor)


def imported(path, tree):
    """Yield the full names a module imports; `app.` first for our own."""
    package = ("app", *path.relative_to(APP).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (".".join([*base, name]) for name in names)


def test_imports_go_down_only():
    for path, name, tree in modules():
        for other in imported(path, tree):
            parts = other.split(".")
            if parts[0] == "app" and len(parts) > 1 and parts[1] != name:
                target = "__init__" if parts[1] in ("create_app", "__version__") else parts[1]
                if target == "__init__" and "__version__" in other:
                    continue
                assert floor_of(target) <= floor_of(name) or name == "__init__", f"{path} imports {other}"
                same = floor_of(target) == floor_of(name)
                assert not (name == "web" and target in ("cli", "server")), f"{path} imports {other}"
                assert not (same and name == "__init__")


def test_only_the_named_floor_imports_a_library():
    for path, name, tree in modules():
        for other in imported(path, tree):
            library = other.split(".")[0]
            if library in ONLY and not (name == "__init__" and "flask" in library):
                assert name == ONLY[library], f"{path} imports {other}"


def test_every_file_and_function_is_of_a_size_to_be_read():
    for path, _, tree in modules():
        if "migrations" in path.parts:
            continue
        assert path.read_text().count("\n") <= 250, path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno <= 50, f"{path}: {node.name}"


def test_every_error_has_a_status_and_stands_in_the_tree():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert all(400 <= status_of(kind.__new__(kind)) < 600 for kind in kinds)
    assert all(len(kind.code) <= 20 for kind in kinds)
    assert all(re.search(rf"\b{kind.__name__}\b", errors.__doc__) for kind in kinds)
    assert set(STATUS.values()) >= {400, 401, 403, 404, 408, 409, 411, 413, 415, 422, 429, 502, 503, 507}


def test_every_setting_stands_in_the_readme_and_no_other():
    told = set(re.findall(rf"`({PREFIX}[A-Z0-9_]+)`", (ROOT / "README.md").read_text()))

    assert told == {PREFIX + name.upper() for name in Settings.model_fields}


def commands(command, path=("bowerbird",)):
    command = command.load() if isinstance(command, Lazy) else command
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands(cli)), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_the_help_of_every_command_ends_in_an_example(path, command):
    shown = CliRunner().invoke(cli, [*path[1:], "--help"])

    assert shown.exit_code == 0
    assert "Example:" in shown.output
    assert "bowerbird" in shown.output.split("Example:")[1]


def test_the_readme_names_every_command():
    readme = (ROOT / "README.md").read_text()

    for path, command in commands(cli):
        if not getattr(command, "commands", None):
            assert " ".join(path) in readme, path


def test_no_file_names_a_registry_or_this_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in listed:
        text = (ROOT / name).read_text(errors="replace")
        assert "/work/" + "main" not in text, name
        assert "--find-" + "links" not in text, name
        assert "--index-" + "url" not in text, name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return unpacked_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_all_it_needs_and_nothing_of_the_tests(wheel):
    names = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*")}

    assert {"app/worker/src/index.js", "app/worker/read/src/index.js"} <= names
    assert {"app/templates/upload.html", "app/sharex/bowerbird.sxcu", "app/docs/clients/sharex.md"} <= names
    assert not [name for name in names if name.startswith(("tests", "bench"))]
    assert "bowerbird = app.cli:main" in next(wheel.glob("*.dist-info/entry_points.txt")).read_text()


def test_the_wheel_and_the_locked_libraries_are_a_server(wheel, tmp_path):
    script = (
        "from app import create_app\n"
        "from app.settings import load\n"
        "app = create_app(load(_env_file=None))\n"
        "client = app.test_client()\n"
        "assert client.get('/login').status_code == 200\n"
        "assert client.get('/static/upload.js').status_code == 200\n"
        "assert client.post('/api/upload').status_code == 401\n"
        "from app.cli import cli\n"
        "cli(['sxcu'])\n"
    )

    done = run_alone(wheel, script, of_the_lock(ROOT / "requirements.lock"), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Bearer bb_" in done.stdout


def test_the_wheel_without_the_server_is_a_client(wheel, tmp_path):
    commands = {
        "--help": (0, "upload"),
        "--version": (0, "bowerbird, version"),
        "upload --help": (0, "--clipboard"),
        "login --help": (0, "keyring"),
        "upload --clipboard": (2, "bowerbird login"),
        "serve": (2, "bowerbird: serve needs the server's parts: pip install 'bowerbird[server]'\n"),
        "token list": (2, "bowerbird: token needs the server's parts"),
    }
    script = (
        "import contextlib, io, json, sys\n"
        "from app.cli import main\n"
        "for words in json.loads(sys.stdin.read()):\n"
        "    sys.argv = ['bowerbird', *words.split()]\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.redirect_stderr(told):\n"
        "        try:\n"
        "            main()\n"
        "        except SystemExit as e:\n"
        "            status = e.code or 0\n"
        "    print(json.dumps([status, told.getvalue()]))\n"
    )
    base = of_the_wheel(wheel)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    done = run_alone(wheel, script, base, cwd=tmp_path, env=environment, input=json.dumps(list(commands)))

    assert not base & {"flask", "sqlalchemy", "pillow", "boto3", "structlog", "pydantic"}
    assert done.returncode == 0, done.stderr
    for line, (words, (status, told)) in zip(done.stdout.splitlines(), commands.items(), strict=True):
        found = json.loads(line)
        assert (words, found[0]) == (words, status), found
        assert told in found[1], words
