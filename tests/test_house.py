"""Rules of the house: floors, tables, files that have to be there, and the wheel alone in an empty environment."""

import ast
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import errors
from app.cli import cli
from app.settings import PREFIX, Settings
from app.web.errors import STATUS, status_of

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"

FLOORS = [
    {"errors", "resources", "blocking", "logs", "answers", "spool"},
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
        "webhooks",
        "costs",
        "sealed",
    },
    {
        *("catalog", "store", "edge", "decoding", "decoder", "thumbnail", "videos", "writers", "heartbeat"),
        *("partial", "partials"),
    },
    {
        "archive",
        "backups",
        "deletions",
        "export",
        "facts",
        "fetching",
        "importing",
        "meter",
        "metrics",
        "move",
        "preparing",
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
    {"cli", "server", "__init__"},
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


def test_the_wheel_works_alone_in_an_empty_environment(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"app/worker/src/index.js", "app/worker/read/src/index.js"} <= set(names)
    assert {"app/templates/upload.html", "app/sharex/bowerbird.sxcu", "app/docs/clients/sharex.md"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "bench"))]

    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*install, "--require-hashes", "-r", ROOT / "requirements.lock"], check=True)
    subprocess.run([*install, wheel], check=True)
    script = (
        "from app import create_app\n"
        "from app.settings import load\n"
        "app = create_app(load(_env_file=None))\n"
        "client = app.test_client()\n"
        "assert client.get('/login').status_code == 200\n"
        "assert client.get('/static/upload.js').status_code == 200\n"
        "assert client.post('/api/upload').status_code == 401\n"
    )
    subprocess.run([python, "-c", script], cwd=tmp_path, check=True)
    made = subprocess.run(
        [tmp_path / "venv" / "bin" / "bowerbird", "sxcu"], cwd=tmp_path, check=True, capture_output=True
    )
    assert b"Bearer bb_" in made.stdout
