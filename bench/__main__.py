"""`python -m bench`: everything, or the one measure that is named; a report in Markdown, and in JSON for programs."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bench import endpoint, library, machine, proxy, reads, report, slow, thumbnails, transactions, uploads
from bench.amounts import COUNTS, SIZES
from bench.contenders import BARE, LIMIT, OURS, PLAIN
from bench.endpoint import Endpoint
from bench.peers import Peer, PeerType, unlike
from bench.report import Measure

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_STRICT = "The endpoint is the stand-in that refuses what B2 refuses; it keeps all in memory."
_PEER = "A server that runs already, and the ports of what works for it (a database); may be given more than once."
_NAMES = unlike(OURS, LIMIT, BARE, PLAIN, slow.GTHREAD)
_ENDPOINT = "The endpoint is there already; region, bucket and keys are those of BOWERBIRD_S3_*."

ROUNDS = click.option(
    "--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="Of each; figures are their medians."
)
WORKERS = click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Web processes of each server."
)
UPLOADED = click.option("--sizes", type=SIZES, default="40kB,1MB,20MB", show_default=True, help="Of the images.")
READ = click.option("--sizes", type=SIZES, default="40kB,1MB", show_default=True, help="Of the images.")
CLIENTS = click.option("--clients", type=COUNTS, default="1,16,64", show_default=True, help="How many at once.")
PEERS = click.option("--peer", "peers", type=PeerType(), multiple=True, callback=_NAMES, help=_PEER)
STRICT = click.option("--strict", is_flag=True, help=_STRICT)
ENDPOINT = click.option("--endpoint", "url", metavar="URL", help=_ENDPOINT)
SAMPLE = click.option("--sample", type=_FOLDER, help="A checkout of backblaze-b2-samples/cloudflare-b2-proxy.")
JSON = click.option("--json", "json_path", type=_FILE, help="Write the figures to this file as JSON, too.")
MARKDOWN = click.option("--markdown", "markdown_path", type=_FILE, help="Write the report to this file, too.")


def rows_option(default: int) -> Callable[[Any], Any]:
    """Return the option for the large catalog; a million rows take minutes to make."""
    kind = click.IntRange(10_000, 10_000_000)
    return click.option("--rows", type=kind, default=default, show_default=True, help="Of the large catalog.")


def taking(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what gives a command these options, in this order, and the ones for the report behind them."""
    return lambda command: reduce(lambda made, option: option(made), reversed((*options, JSON, MARKDOWN)), command)


class Report:
    """The measures as they come; each is printed at once, and all are written at the end of each."""

    def __init__(self, json_path: Path | None, markdown_path: Path | None) -> None:
        self._json_path, self._markdown_path = json_path, markdown_path
        self._machine, self._measures = machine.describe(), list[Measure]()
        click.echo(report.markdown(self._machine, []))

    def add(self, measure: Measure) -> None:
        """Print the measure, and write all so far: a run that is broken off has said what it knew."""
        self._measures.append(measure)
        click.echo(measure.markdown())
        if self._json_path:
            self._json_path.write_text(report.to_json(self._machine, self._measures), encoding="utf-8")
        if self._markdown_path:
            self._markdown_path.write_text(report.markdown(self._machine, self._measures), encoding="utf-8")

    def try_to_add(self, part: Callable[[], Measure]) -> str:
        """Measure and add a part; return why that was not possible, or ""."""
        try:
            self.add(part())
        except (RuntimeError, OSError) as e:  # a server that does not start here must not cost the other parts
            click.echo(f"not measured: {e}", err=True)
            return str(e)
        return ""


@contextmanager
def _s3(url: str | None, *, strict: bool) -> Iterator[Endpoint]:
    if url and strict:
        raise click.UsageError("--strict and --endpoint exclude each other")
    if url:
        yield Endpoint.of_environment(os.environ | {"BOWERBIRD_S3_ENDPOINT": url})
        return
    with endpoint.strict() if strict else endpoint.sink() as found:
        yield found


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@taking(ROUNDS, WORKERS, UPLOADED, CLIENTS, PEERS, STRICT, ENDPOINT, rows_option(100_000), SAMPLE)
@click.pass_context
def cli(context: click.Context, **chosen: Any) -> None:
    """Measure Bowerbird, as ratios taken in one run; without a command, everything. See docs/bench.md.

    \b
    Example:
      python -m bench --json bench.json --markdown bench.md
      python -m bench uploads --peer 'linx=http://127.0.0.1:8081/upload,file'
    """
    if not context.invoked_subcommand:
        _run_all(**chosen)
        return
    for option in context.command.params:
        if context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{option.opts[0]} goes behind {context.invoked_subcommand}")


def _run_all(
    rounds: int,
    workers: int,
    sizes: Sequence[int],
    clients: Sequence[int],
    peers: Sequence[Peer],
    strict: bool,
    url: str | None,
    rows: int,
    sample: Path | None,
    json_path: Path | None,
    markdown_path: Path | None,
) -> None:
    found = Report(json_path, markdown_path)
    same: dict[str, Any] = {"rounds": rounds, "workers": workers, "peers": peers}

    def over_s3() -> Measure:
        with _s3(url, strict=strict) as s3:
            return uploads.measure(s3, sizes=sizes, clients=clients, **same)

    parts: list[Callable[[], Measure]] = [
        over_s3,
        lambda: uploads.measure(None, sizes=sizes[:2], clients=sorted(clients)[:2][-1:], **same),
        lambda: thumbnails.measure(sizes=sizes, workers=workers),
        lambda: slow.measure(workers=workers, peers=peers),
        lambda: reads.measure(sizes=sizes[:2], rounds=rounds, workers=workers),
        lambda: proxy.measure(rounds=rounds, checkout=sample),
        transactions.measure,
        lambda: library.measure(many=rows, rounds=rounds),
    ]
    failures = [failure for part in parts if (failure := found.try_to_add(part))]
    if failures:
        raise click.ClickException(
            f"{len(failures)} of {len(parts)} parts could not be measured: {'; '.join(failures)}"
        )


@cli.command("uploads")
@click.option("--local", is_flag=True, help="Over the local disk, with no endpoint.")
@taking(ROUNDS, WORKERS, UPLOADED, CLIENTS, PEERS, STRICT, ENDPOINT)
def uploads_command(
    local: bool, strict: bool, url: str | None, json_path: Any, markdown_path: Any, **same: Any
) -> None:
    """Uploads: how many a second, how long each takes, CPU and memory, beside the limit, the plain way and peers.

    \b
    Example:
      python -m bench uploads --local --sizes 40kB --clients 16
    """
    if local and (strict or url):
        raise click.UsageError("--local goes with no endpoint")
    found = Report(json_path, markdown_path)
    if local:
        found.add(uploads.measure(None, **same))
        return
    with _s3(url, strict=strict) as s3:
        found.add(uploads.measure(s3, **same))


@cli.command("reads")
@taking(ROUNDS, WORKERS, READ)
def reads_command(json_path: Any, markdown_path: Any, **same: Any) -> None:
    """Reads of stored images in embedded mode: whole, 304 and a range.

    \b
    Example:
      python -m bench reads --sizes 40kB
    """
    Report(json_path, markdown_path).add(reads.measure(**same))


@cli.command("thumbnails")
@taking(WORKERS, UPLOADED)
def thumbnails_command(json_path: Any, markdown_path: Any, **same: Any) -> None:
    """What an upload costs after its answer, in the worker.

    \b
    Example:
      python -m bench thumbnails --sizes 1MB
    """
    Report(json_path, markdown_path).add(thumbnails.measure(**same))


@cli.command("slow")
@taking(WORKERS, PEERS)
def slow_command(json_path: Any, markdown_path: Any, **same: Any) -> None:
    """Answers to others while a large upload comes over a slow line, and while clients drip.

    \b
    Example:
      python -m bench slow
    """
    Report(json_path, markdown_path).add(slow.measure(**same))


@cli.command("library")
@click.option("--postgresql", is_flag=True, help="Over a PostgreSQL of its own instead of SQLite.")
@taking(ROUNDS, rows_option(1_000_000))
def library_command(rows: int, json_path: Any, markdown_path: Any, **same: Any) -> None:
    """Pages of the gallery and of the API over a thousand rows and over many.

    \b
    Example:
      python -m bench library --rows 100000 --postgresql
    """
    Report(json_path, markdown_path).add(library.measure(many=rows, **same))


@cli.command("proxy")
@taking(ROUNDS, SAMPLE)
def proxy_command(sample: Path | None, rounds: int, json_path: Any, markdown_path: Any) -> None:
    """What the signing proxy adds to a PUT, in the real workerd.

    \b
    Example:
      python -m bench proxy --sample ../cloudflare-b2-proxy
    """
    Report(json_path, markdown_path).add(proxy.measure(rounds=rounds, checkout=sample))


@cli.command("transactions")
@taking()
def transactions_command(json_path: Any, markdown_path: Any) -> None:
    """B2 transactions of an upload and of a deletion, by class, counted by the strict stand-in and by the app.

    \b
    Example:
      python -m bench transactions
    """
    Report(json_path, markdown_path).add(transactions.measure())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no server that was started outlives the bench
    cli.main(prog_name="python -m bench")
