"""The gateway's settings."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import Field, IPvAnyNetwork, SecretStr, field_validator

from gateway.audio.formats import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, NATIVE_RATE
from gateway.audio.gaps import Gaps
from gateway.audio.shape import MAX_VOLUME
from gateway.text.languages import is_code
from shared.settings import FleetSettings


class GatewaySettings(FleetSettings):
    """One frozen object per gateway process, from the environment."""

    host: str = "0.0.0.0"  # noqa: S104 - a server in a container listens on all its addresses
    """Address to listen on."""
    port: int = Field(default=8880, ge=0, le=65535)
    """Port to listen on."""
    uvicorn_root_path: str = ""
    """Path under which a proxy serves all this, such as /tts; it may take it off what it passes on, or leave it."""
    api_key: SecretStr | None = None
    """The key that requests must bring, for a server of one person or one team; several, with commas between them,
    while one takes the other's place. Tenants with limits of their own are made with `kokoro-fleet tenants`."""
    admin_api_key: SecretStr | None = None
    """The operator's key, for /admin, /debug and the details of /health; unset: there is no /admin."""
    require_api_key: bool = False
    """Whether nothing is served while there are no keys at all. By default everybody is, until there is a tenant or an
    API_KEY."""
    public_listings: bool = False
    """Whether the voices and the models may be listed without a key, as Open WebUI asks for them; saved voices that are
    a tenant's own are never shown so."""
    public_metrics: bool = True
    """Whether /metrics needs no key, as Prometheus asks by default; false: it wants the ADMIN_API_KEY."""
    cors_enabled: bool = True
    """Whether web pages of other hosts may call the service."""
    cors_origins: tuple[str, ...] = ("*",)
    """Which ones may, as a JSON list of origins such as ["https://example.com"]; "*" is any."""
    api_title: str = "Kokoro TTS API"
    """Title in the API documentation."""
    api_description: str = "OpenAI-compatible text-to-speech with Kokoro-82M"
    """Description in the API documentation."""
    api_version: str = version("kokoro-fleet")
    """Version in the API documentation."""
    sample_rate: int = Field(default=NATIVE_RATE, ge=MIN_SAMPLE_RATE, le=MAX_SAMPLE_RATE)
    """Samples per second of the audio where a request asks for no `sample_rate`; a format that cannot have it takes the
    next above that it can have, and mulaw and alaw always 8000."""
    default_voice: str = "af_heart"
    """Voice, or mix, of a request that names none."""
    voice_weight_normalization: bool = True
    """Whether the weights of a voice mix are divided by their sum; false: they are used as they are written."""
    allow_local_voice_saving: bool = False
    """Whether requests may save voice mixes under names of their own, and delete them. They are kept in Redis."""
    default_volume_multiplier: float = Field(default=1.0, ge=0, le=MAX_VOLUME)
    """Loudness of a request that says none."""
    max_input_length: int = Field(default=1_000_000, ge=1)
    """Characters that one request may have."""
    max_body_bytes: int = Field(default=16_000_000, ge=1024)
    """Bytes that one request body may have; room for MAX_INPUT_LENGTH in JSON's longest spelling."""
    chunk_window: int = Field(default=4, ge=1)
    """Chunks of one request that may be queued, running or waiting for the client at a time."""
    job_timeout_s: float = Field(default=300.0, gt=0)
    """How long one chunk may take from publishing to audio before its request is given up."""
    worker_grace_s: float = Field(default=10.0, gt=0)
    """How long requests under way wait when the last worker is gone, or Redis, before they are given up."""
    stalled_client_timeout_s: float = Field(default=300.0, gt=0)
    """How long a client may take no audio before its request is given up."""
    text_processes: int = Field(default=1, ge=1)
    """Processes that turn text into phonemes."""
    drain_timeout_s: float = Field(default=30.0, gt=0)
    """After SIGTERM and DRAIN_DELAY_S, how long open streams may still take."""
    drain_delay_s: float = Field(default=0.0, ge=0)
    """After SIGTERM, how long requests are still taken while /readyz says 503 already: time for load balancers that ask
    it, or for Kubernetes' endpoints, to send new ones elsewhere."""
    first_audio_target_ms: int = Field(default=450, ge=1)
    """How soon a stream's first audio should come. Where the workers are too slow to speak a whole sentence by then,
    its first clause, phrase or words go ahead; a larger number cuts less and sounds better."""
    first_max_tokens: int = Field(default=80, ge=1)
    """Tokens that the first chunk should have at most, however fast the workers are."""
    target_min_tokens: int = Field(default=175, ge=1)
    """Tokens that a chunk should have at least."""
    target_max_tokens: int = Field(default=250, ge=1)
    """Tokens that a chunk should have at most."""
    absolute_max_tokens: int = Field(default=450, ge=1, le=510)
    """Tokens that a chunk may have at most, where a sentence cannot be cut well."""
    default_voice_code: str | None = None
    """Language of a text where the request does not tell, whatever the voice's name says, by its letter or code. Unset:
    the one of the voice's first letter."""
    advanced_text_normalization: bool = True
    """Numbers, dates, signs and the like are turned to words; false: never, whatever requests say."""
    enable_voice_tags: bool = True
    """Whether requests may use `[voice:...]` and `[rate:...]`."""
    enable_ssml: bool = True
    """Whether requests may use SSML."""
    ssml_max_depth: int = Field(default=10, ge=1, le=100)
    """How deep SSML's elements may nest."""
    max_pause_duration_s: float = Field(default=60.0, gt=0)
    """Seconds that one pause may last."""
    max_total_pause_s: float = Field(default=400.0, gt=0)
    """Seconds that all pauses of a request may last together."""
    gap_trim_ms: float = Field(default=1.0, ge=0)
    """Milliseconds cut from either end of every chunk, whatever is there."""
    dynamic_gap_trim_padding_ms: float = Field(default=410.0, ge=0)
    """Milliseconds from the last sound of a chunk to the first of the next, at speed 1: more silence is cut."""
    dynamic_gap_trim_padding_char_multiplier: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: dict(Gaps().multipliers)
    )
    """What that is multiplied by after a chunk that ends with this sign, as JSON; by 1 after any other pause."""
    temp_file_dir: Path = Path(tempfile.gettempdir()) / "kokoro-fleet-downloads"
    """Folder of the files behind download links. Gateways behind one load balancer must share it: a link that one of
    them gave may be opened at any."""
    max_temp_dir_size_mb: float = Field(default=2048, gt=0)
    """Megabytes that these files may take together; beyond, the oldest of the tenant that has most go first, the newest
    of all stays in any case."""
    max_temp_dir_age_hours: float = Field(default=1.0, gt=0)
    """Hours after which a link stops to work and its file goes."""
    max_temp_dir_count: int = Field(default=1000, ge=1)
    """Links that work at a time; one more, and the oldest goes of the tenant that has most. Kokoro-FastAPI's default
    of 3 would take them from the other callers of a busy service."""
    metrics_enabled: bool = True
    """Whether there is a page of metrics for Prometheus, /metrics; on a port of its own where METRICS_PORT is set."""
    metrics_tenant_label: bool = False
    """Whether requests, characters and audio are counted by tenant as well: a series each, for 200 tenants."""
    enable_debug_endpoints: bool = False
    """Whether /debug/system, /debug/threads, /debug/storage, /debug/session_pools and /debug/queue answer. They show
    the machine and the fleet to whoever can reach them, but nothing of what is spoken."""
    max_queue_wait_s: float = Field(default=30.0, gt=0)
    """How long a new request's chunks may have to wait for their turn, as predicted from what is queued and how fast
    the workers are; beyond it the request is refused with 503. The default stays well within a proxy's usual 60 s."""
    wait_for_workers_s: float = Field(default=0.0, ge=0)
    """How long a request waits for the first worker where there is none, before its 503: for workers that scale to
    zero. /readyz then wants no worker, and no answer begins before there is one: let proxies be as patient."""
    tenant_max_chunks_in_flight: int | None = Field(default=None, ge=1)
    """Chunks that all requests of one tenant may have queued and running together; more wait in their gateway, in
    order. Unset: no cap; lanes are shared fairly all the same."""
    usage_retention_days: int = Field(default=400, ge=32)
    """How long a day's usage is kept, for /v1/usage: by default a year and a month."""
    cache_max_mb: int = Field(default=0, ge=0)
    """Megabytes of Redis for chunks that were spoken before, which are then not spoken again; the ones longest not
    asked for make room. 0: no cache. Only where all live workers speak alike, and for each tenant apart."""
    cache_ttl_s: float = Field(default=86_400.0, gt=0)
    """How long a chunk is kept that nobody asks for again."""
    idempotency_ttl_s: float = Field(default=3600.0, gt=0)
    """How long the result of a request with an `Idempotency-Key` is kept for those who send it again."""
    idempotency_max_mb: int = Field(default=128, ge=0)
    """Megabytes of Redis that all these results may take; the ones longest not asked for make room, and one that needs
    over a quarter is not kept. 0: keys are ignored, but for those of jobs and batches."""
    idempotency_grace_s: float = Field(default=10.0, ge=0)
    """How long a request with a key goes on when its client has left and nobody has sent it again."""
    storage_url: str = "data"
    """Where files of batches are: a folder, as a path or a file:// URL, or s3://bucket/prefix. For the latter the
    environment says what AWS's tools want to know: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, for MinIO
    and its like, AWS_ENDPOINT_URL. All gateways and batch runners must share it."""
    max_file_bytes: int = Field(default=200_000_000, ge=1024)
    """Bytes that an uploaded file may have."""
    file_ttl_s: int = Field(default=30 * 86_400, ge=3600, le=30 * 86_400)
    """How long a file is kept where the request says nothing, and what is known of a batch after its end."""
    batch_max_lines: int = Field(default=50_000, ge=1)
    """Lines that a batch's file may have."""
    batch_concurrency: int = Field(default=8, ge=1)
    """Items that one batch runner works on at a time."""
    batch_max_tries: int = Field(default=5, ge=1)
    """How often an item of a batch is tried that fails for no fault of its own, its runner's death included."""
    batch_drain_timeout_s: float = Field(default=5.0, ge=0)
    """After SIGTERM, how long a batch runner still works on what it has begun; then it gives it back to the others."""
    batch_job_timeout_s: float = Field(default=3600.0, gt=0)
    """JOB_TIMEOUT_S of batch work, which waits while there is anything else to do."""
    max_job_input_length: int = Field(default=5_000_000, ge=1)
    """Characters that one audio job may have; a book of 500 pages has about a million."""
    max_job_body_bytes: int = Field(default=40_000_000, ge=1024)
    """Bytes that the body of a request for an audio job may have."""
    max_job_items: int = Field(default=1000, ge=1)
    """Items that one audio job may have; the batch API takes more."""
    webhook_secret: SecretStr | None = None
    """What webhooks are signed with, as `whsec_` and base64; several, with blanks between, while one takes the other's
    place. Each tenant verifies with a secret made of this and its id. Unset: there are no webhooks."""
    webhook_allow_http: bool = False
    """Whether webhooks may go to http:// as well as to https://."""
    webhook_allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that webhooks may go to though they are not public, as a JSON list such as ["10.20.0.0/16"]."""
    webhook_retry_s: float = Field(default=5.0, gt=0)
    """How soon a failed webhook is tried again. Each further delay is four times as long, up to 4 hours; ten tries."""
    websocket_max_connections: int = Field(default=1000, ge=1)
    """WebSockets that one gateway holds at a time."""
    websocket_max_contexts: int = Field(default=8, ge=1)
    """Contexts that one WebSocket may have open at a time."""
    websocket_max_waiting_chars: int = Field(default=100_000, ge=1)
    """Characters that one context may have received and not yet spoken."""
    websocket_max_message_bytes: int = Field(default=1_000_000, ge=1024)
    """Bytes that one message to a WebSocket may have."""
    websocket_text_wait_ms: int = Field(default=500, ge=1)
    """How long a WebSocket's text waits for more of it, when nothing is heard, before what is there is spoken."""
    websocket_max_ahead_s: float = Field(default=10.0, gt=0)
    """Seconds of audio that a WebSocket's context may be ahead of what can have been heard, when it goes on; its client
    may ask for another number."""
    websocket_idle_timeout_s: float = Field(default=300.0, gt=0)
    """How long a WebSocket may be silent both ways before it is closed."""
    websocket_ping_interval_s: float = Field(default=20.0, gt=0)
    """How often a WebSocket's client is pinged: often enough for proxies not to take the connection for dead."""
    enable_web_player: bool = True
    """Whether there is a page to listen on, at /web/."""
    web_player_path: Path | None = None
    """Folder of the web player's static files; unset, or `web`: the one that comes along."""

    @field_validator("default_voice_code")
    @classmethod
    def _is_language(cls, code: str | None) -> str | None:
        if code is not None and not is_code(code):
            raise ValueError(f"{code!r} names no language")
        return code
