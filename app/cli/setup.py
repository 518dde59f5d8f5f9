"""`bowerbird setup`."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from ..edge import dashboard, terraform, worker
from ..edge.account import Account, KeyPair
from ..edge.plan import CHANGE, Step
from ..edge.rules import Site, friendly_host
from ..edge.zone import API_URL, open_zone
from ..errors import SettingsError
from ..resources import folder
from ..setting_types import Url
from ..setup import Setup, Wish, check_key

_REGION = re.compile(r"[a-z]{2}-[a-z]+-\d{3}")
_DONE = {"create": "created", "change": "changed", "remove": "removed"}


@dataclass(frozen=True, slots=True)
class _Secrets:
    """What the environment gives. None of it is ever printed."""

    b2: KeyPair | None
    cloudflare: str
    given: KeyPair | None
    app_token: str


def _url(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        return TypeAdapter(Url).validate_python(value) if value else ""
    except ValidationError as e:
        raise click.BadParameter(str(e.errors()[0]["msg"]).removeprefix("Value error, ")) from e


def _secret(*names: str, envvar: str) -> Any:
    """An option that is meant to come from the environment: what stands in a command line, others can read."""
    return click.option(*names, envvar=envvar, default="", hidden=True)


@click.command()
@click.option("--domain", required=True, metavar="HOST", help="The image domain, such as i.example.com.")
@click.option("--bucket", required=True, metavar="NAME", help="The bucket at B2: it is made, or adopted.")
@click.option("--plan", "is_plan", is_flag=True, help="Show what would be changed, and change nothing.")
@click.option(
    "--terraform",
    "terraform_dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the same as Terraform JSON into DIR, and change nothing.",
)
@click.option("--print", "is_print", is_flag=True, help="Print what to click, value by value, and change nothing.")
@click.option("--region", default="", metavar="REGION", help="For the two above: no key of B2 is needed then.")
@click.option("--private", "is_private", is_flag=True, help="A private bucket, its images served by a Worker.")
@click.option("--make-public", is_flag=True, help="Show everyone what is in the bucket, which is private now.")
@click.option("--worker", "proxy_host", default="", metavar="HOST", help="Put the signing proxy there.")
@click.option(
    "--base-url", default="", callback=_url, metavar="URL", help="Where the app is, for the notifications of the proxy."
)
@click.option("--file-info", multiple=True, metavar="NAME", help="Hide this metadata of other clients, too.")
@click.option(
    "--settings",
    "path",
    default=".env",
    show_default=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The app's settings file.",
)
@click.option("--with-master-key", is_flag=True, help="Use B2's master key, this once.")
@_secret("--b2-key-id", envvar="B2_APPLICATION_KEY_ID")
@_secret("--b2-key", envvar="B2_APPLICATION_KEY")
@_secret("--cloudflare-token", envvar="CLOUDFLARE_API_TOKEN")
@_secret("--key-id", envvar="BOWERBIRD_S3_ACCESS_KEY_ID")
@_secret("--key-secret", envvar="BOWERBIRD_S3_SECRET_ACCESS_KEY")
@_secret("--app-token", envvar="BOWERBIRD_CLOUDFLARE_API_TOKEN")
@_secret("--api-url", envvar="BOWERBIRD_CLOUDFLARE_API_URL")
@click.pass_obj
def setup(config: Any, is_plan: bool, terraform_dir: Path | None, is_print: bool, region: str, **given: Any) -> None:
    """Set up bucket, key, domain and rules at B2 and Cloudflare, and write the settings file.

    Takes B2_APPLICATION_KEY_ID, B2_APPLICATION_KEY and CLOUDFLARE_API_TOKEN from the environment. What is there already
    is kept, what others made too; run again, it does what is left, or nothing.

    \b
    Example:
      bowerbird setup --domain i.example.com --bucket my-pictures --plan
    """
    secrets = _secrets(given)
    if terraform_dir or is_print:
        site, endpoint = _site_of(region, secrets, given, config)
        shown = {"proxy_host": given["proxy_host"], "base_url": given["base_url"]}
        if is_print:
            click.echo(dashboard.instructions(site, endpoint, **shown), nl=False)
        if terraform_dir:
            _write(terraform_dir, terraform.files(site, endpoint, _modules(site, given["proxy_host"]), **shown))
        return
    run = _read(secrets, given, config)
    for line in run.plan.kept:
        click.echo(f"kept     {line}")
    if not run.plan.steps:
        click.echo("nothing to change")
    elif is_plan:
        for step in run.plan.steps:
            click.echo("\n".join(_shown(step)))
        click.echo("this is the plan; nothing was changed", err=True)
    else:
        with _told(run):
            run.apply(lambda step: click.echo(f"{_DONE[step.deed]:8} {step.title}"))
        click.echo(
            f"images are at https://{given['domain']}; start the app: bowerbird serve; then: bowerbird doctor", err=True
        )


def _secrets(given: dict[str, Any]) -> _Secrets:
    return _Secrets(
        _pair(given["b2_key_id"], given["b2_key"], "B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY"),
        given["cloudflare_token"],
        _pair(given["key_id"], given["key_secret"], "BOWERBIRD_S3_ACCESS_KEY_ID and BOWERBIRD_S3_SECRET_ACCESS_KEY"),
        given["app_token"],
    )


def _pair(key_id: str, secret: str, names: str) -> KeyPair | None:
    if bool(key_id) != bool(secret):
        raise SettingsError([f"give both {names}, or neither"])
    return KeyPair(key_id, secret) if key_id else None


def _site(given: dict[str, Any], friendly: str) -> Site:
    try:
        return Site(given["domain"], given["bucket"], friendly, given["is_private"], given["file_info"])
    except ValueError as e:
        raise click.UsageError(str(e)) from e


def _read(secrets: _Secrets, given: dict[str, Any], config: Any) -> Setup:
    """Read both clouds, and plan. Nothing is asked of B2 or Cloudflare before the usage is right.

    `config` is None but in the tests: what B2's library is configured with.
    """
    for host in (given["domain"], *([given["proxy_host"]] if given["proxy_host"] else [])):
        _site({**given, "domain": host}, friendly_host("us-west-004"))
    if given["proxy_host"] == given["domain"]:
        raise click.UsageError("the signing proxy needs a name of its own, not that of the images")
    if secrets.b2 is None or not secrets.cloudflare:
        names = "B2_APPLICATION_KEY_ID, B2_APPLICATION_KEY and CLOUDFLARE_API_TOKEN"
        raise SettingsError([f"set {names} (docs/setup.md says where they come from)"])
    account = Account(secrets.b2, config=config)
    check_key(account, with_master_key=given["with_master_key"])
    opened = open_zone(secrets.cloudflare, given["domain"], api_url=given["api_url"] or API_URL)
    zone = click.get_current_context().with_resource(opened)
    if zone.status != "active":
        servers = " and ".join(zone.name_servers)
        click.echo(
            f"the zone {zone.name} is {zone.status}: at its registrar, its name servers must be {servers}", err=True
        )
    wish = Wish(
        _site(given, account.friendly_host),
        given["path"],
        proxy_host=given["proxy_host"],
        base_url=given["base_url"],
        given=secrets.given,
        app_token=secrets.app_token,
        token=secrets.cloudflare,
        make_public=given["make_public"],
    )
    return Setup(wish, account, zone, folder("worker"), config=config)


def _site_of(region: str, secrets: _Secrets, given: dict[str, Any], config: Any) -> tuple[Site, str]:
    """Return the site and B2's S3 address: from `region`, or else from B2 itself."""
    if region:
        if not _REGION.fullmatch(region):
            raise click.UsageError(f"{region!r} is not a region of B2, such as us-west-004")
        return _site(given, friendly_host(region)), f"https://s3.{region}.backblazeb2.com"
    if secrets.b2 is None:
        raise click.UsageError("give --region, such as us-west-004, or a key of B2 to ask it")
    account = Account(secrets.b2, config=config)
    return _site(given, account.friendly_host), account.endpoint


def _modules(site: Site, proxy_host: str) -> dict[str, dict[str, bytes]]:
    names = [*([worker.PROXY] if proxy_host else []), *([worker.READER] if site.is_private else [])]
    return {name: worker.modules(folder("worker"), name) for name in names}


def _write(target: Path, files: dict[str, bytes]) -> None:
    for name, text in files.items():
        path = target / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        except OSError as e:
            raise SettingsError([f"cannot write {path}: {e.strerror}"]) from e
        click.echo(path)


@contextmanager
def _told(run: Setup) -> Iterator[None]:
    """Whatever ends the run, say what it has not done."""
    try:
        yield
    finally:
        for step in run.left:
            click.echo(f"not done {step.title}", err=True)
        if run.left:
            click.echo("what was done stands; run it again to do the rest", err=True)


def _shown(step: Step) -> list[str]:
    """Return a step as `--plan` shows it: what it does, and below it the values."""
    lines = [f"{step.deed:8} {step.title}"]
    if step.deed == CHANGE and isinstance(step.before, dict):
        changed = [key for key in step.after if step.before.get(key) != step.after[key]]
        lines += [f"  {key}: {_text(step.before.get(key))} -> {_text(step.after[key])}" for key in changed]
    elif isinstance(step.after, dict):
        lines += [f"  {key}: {_text(value)}" for key, value in step.after.items()]
    elif isinstance(step.after, list):
        lines += [f"  {_text(one)}" for one in step.after]
    return lines


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
