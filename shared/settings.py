"""Settings that more than one process reads. Each process has one frozen object of its own, made at start-up."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.observe import LogFormat


class FleetSettings(BaseSettings):
    """Read from the environment, or from ``.env``; names are case-insensitive."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, protected_namespaces=(), use_attribute_docstrings=True
    )

    redis_url: str = "redis://localhost:6379/0"
    """Redis or Valkey: redis://, rediss:// or unix://, or, for Sentinel, redis+sentinel://host:26379,host:26379/service/0.
    `kokoro-fleet up` starts its own where this is not set."""
    redis_max_connections: int = Field(default=16, ge=1)
    """Connections of one process for its calls to Redis, beside one for blocking reads; more calls wait their turn."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_format: LogFormat = "auto"
    """json, console, or auto: console when a person watches the terminal."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of /metrics for Prometheus, and on workers and batch runners of /livez and /readyz. Unset: a gateway has
    /metrics on PORT, where METRICS_ENABLED is not false; the others have none."""
    metrics_host: str = "0.0.0.0"  # noqa: S104 - a server in a container listens on all its addresses
    """Address that METRICS_PORT is on."""
    heartbeat_s: float = 1.0
    """How often gateways and workers say that they live; a worker is taken for dead at three missed beats, a gateway at
    ten."""


class ModelSettings(FleetSettings):
    """Where the model lives; read by workers and by `kokoro-fleet models`."""

    model_dir: Path = Path("models")
    """Folder of the weights and of the graphs built from them."""
    voices_dir: Path | None = None
    """Folder of the voice packs; `voices` inside MODEL_DIR where not set."""
    download_model: bool = True
    """Fetch what is missing; false: use what is there, or say what is not."""

    @property
    def voices_path(self) -> Path:
        """VOICES_DIR, or its default."""
        return self.voices_dir or self.model_dir / "voices"
