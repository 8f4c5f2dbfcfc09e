"""Settings: `zerodistance.toml`, then `ZERODISTANCE_*` from the environment, then flags, in that order of strength."""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from zerodistance.kernel.errors import WrongSetting
from zerodistance.kernel.text import Text

FILE_NAME = "zerodistance.toml"
SECRET = ("state_url",)
"""Settings that may hold a password: never shown as they are, never on a command line."""
_MIB = 1 << 20


class Settings(BaseSettings):
    """Everything that can be set; each description says the unit.

    Values marked "own value" were chosen by us and have no outside origin.
    """

    model_config = SettingsConfigDict(env_prefix="ZERODISTANCE_", extra="forbid", frozen=True)

    home: Path = Field(
        Path("zerodistance-data"), description="the folder that holds every store of this brand"
    )
    state_url: str = Field(
        "",
        repr=False,
        description="the state store: empty for `state.db` in the home, or postgresql://user@host/database",
    )
    host: str = Field("127.0.0.1", description="the address the door listens on")
    port: int = Field(8420, ge=0, le=65535, description="the port the door listens on; 0 takes a free one")
    public_url: str = Field(
        "",
        description="address under which people reach the door, such as `https://hello.example.com`: links in messages lead there; "
        "empty: to `host` and `port`, which nobody reaches from elsewhere",
    )
    zone: str = Field(
        "Asia/Shanghai", description="IANA time zone in which days are counted and pages show times"
    )
    lang: Literal["zh", "en"] = Field(
        "zh", description="language of the command line and of pages before login"
    )
    currency: str = Field(
        "CNY", pattern=r"^[A-Z]{3}$", description="ISO 4217 code of amounts without a currency"
    )
    country: str = Field(
        "CN",
        pattern=r"^[A-Z]{2}$",
        description="ISO 3166 code; phones without a country code are read as its numbers, names, dates and addresses by its conventions",
    )

    max_request_bytes: int = Field(
        16 * _MIB, ge=1024, description="largest request body as sent, bytes; more is answered 413"
    )
    max_body_bytes: int = Field(
        32 * _MIB,
        ge=1024,
        description="largest request body after decompression, bytes; more is answered 413",
    )
    max_inflight_bytes: int = Field(
        128 * _MIB,
        ge=1024,
        description="request bytes held in memory at once; more is answered 429 (the last tenth is for clients that never send again)",
    )
    max_import_bytes: int = Field(
        64 << 30,
        ge=_MIB,
        description="largest file that is imported, after unpacking, bytes; more is refused (own value)",
    )
    max_journal_bytes: int = Field(
        8192 * _MIB,
        ge=_MIB,
        description="size the journal may grow to, bytes; at nine tenths collection answers 429 (the last is for clients that never send again)",
    )
    min_free_bytes: int = Field(
        1024 * _MIB, ge=0, description="free disk below which collection answers 429, bytes"
    )
    dedup_days: int = Field(
        30, ge=1, le=400, description="days for which a repeated message id is recognised"
    )
    dedup_ids: int = Field(
        100_000_000,
        ge=1_000_000,
        description="message ids remembered at most, 14 bytes each; more shorten the window, see `status`",
    )
    micro_batch_events: int = Field(
        30_000, ge=1, le=200_000, description="events digested in one commit at most"
    )
    poll_ms: int = Field(
        20,
        ge=1,
        le=5_000,
        description="pause of an idle worker between two looks at the journal, milliseconds",
    )
    seal_seconds: int = Field(120, ge=1, description="age at which the hot tail moves into the lake, seconds")
    seal_bytes: int = Field(
        64 * _MIB, ge=_MIB, description="size at which the hot tail moves into the lake, bytes"
    )
    index_seconds: float = Field(
        0.5, gt=0, description="pause between two updates of profiles and tag index, seconds"
    )
    engine_memory_mb: int = Field(
        1024, ge=128, description="memory of one DuckDB connection before it spills to disk, MiB"
    )
    engine_threads: int = Field(2, ge=1, le=256, description="threads of one DuckDB connection")
    index_memory_mb: int = Field(
        1024,
        ge=1,
        description="memory for bitmaps of the tag index that a process keeps once they were asked for, MiB; more are read from disk again",
    )
    cache_ids: int = Field(
        2_000_000,
        ge=1_000,
        description="identifiers the worker keeps in memory, about 250 bytes each with what links them",
    )
    visitor_days: int = Field(
        180, ge=1, description="days without a touch after which an anonymous visitor expires (own value)"
    )
    placing: bool = Field(
        True,
        description="whether what is said of people is matched as it comes in, not only by the nightly pass",
    )
    models_psi: float = Field(
        0.25,
        gt=0,
        description="stability index of scores or a feature beyond which a model is said to drift (.1 is little, .25 a different population)",
    )
    models_nulls: float = Field(
        0.1,
        gt=0,
        le=1,
        description="change of the share without a feature's value beyond which a model is said to drift (own value)",
    )
    models_ece: float = Field(
        0.05,
        gt=0,
        le=1,
        description="calibration error, for sure, beyond which a model is said to drift (own value)",
    )
    quarantine_days: int = Field(90, ge=1, description="days a refused row is kept (own value)")
    text_days: int = Field(730, ge=1, description="days sealed texts are kept (own value)")
    backup_to: Path | None = Field(
        None, description="the folder that backups go to by themselves; none: no backup is made by itself"
    )
    backup_hours: float = Field(24.0, gt=0, description="hours from one backup to the next (own value)")
    backup_keep_days: int = Field(
        30, ge=1, le=3_650, description="days after which a backup is removed (own value)"
    )
    released_k: int = Field(
        20,
        ge=10,
        le=1_000,
        description="persons below whom a count is hidden from accounts that may not see persons; the others are rounded to it (own value)",
    )
    map_tiles: str = Field(
        "",
        description="tiles drawn below the map, as https://tiles.example.com/{z}/{x}/{y}.png in WGS-84; empty: none, only the outline that ships",
    )
    map_credit: str = Field("", max_length=200, description="whom the map thanks for its tiles, plain text")
    message_days: int = Field(
        730, ge=30, le=3_650, description="days a message is kept that went, or was held back (own value)"
    )
    past_days: int = Field(
        7,
        ge=1,
        le=400,
        description="days a tag index of an earlier moment is kept once it was made (own value)",
    )
    audit_days: int = Field(
        730, ge=30, le=3_650, description="days the record of exact counts is kept (own value)"
    )
    send_approval_size: int = Field(
        500,
        ge=0,
        description="persons above whom a send waits until a second account approves it; service messages never do (own value)",
    )
    session_hours: int = Field(12, ge=1, description="hours after which a portal session ends (own value)")

    metrics: Literal["off", "loopback", "key"] = Field(
        "loopback",
        description="who may read `/metrics`: nobody, programs on this machine, or whoever sends an API key of the portal",
    )
    slow_query_ms: int = Field(
        1_000, ge=0, description="statements slower than this are kept and logged, milliseconds; 0 keeps none"
    )
    otel_endpoint: str = Field(
        "",
        description="address of an OpenTelemetry receiver (OTLP over HTTP), such as `http://127.0.0.1:4318`; empty: no traces",
    )
    otel_share: float = Field(
        0.01, ge=0, le=1, description="share of accepted requests that are traced (own value)"
    )
    alert_webhook: str = Field(
        "", description="http or https address that alerts are sent to; empty: alerts are only shown"
    )
    alert_secret: SecretStr = Field(
        SecretStr(""), description="key of the signature of alerts, HMAC-SHA256; empty: not signed"
    )
    alert_lag_seconds: int = Field(
        300, ge=10, description="how far a stage may be behind before it is an alert, seconds (own value)"
    )
    alert_disk_days: int = Field(
        7, ge=1, le=365, description="days before the disk is short from which on it is an alert (own value)"
    )

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("allowed are IANA names such as Asia/Shanghai or Europe/Berlin") from None
        return value

    @field_validator("state_url")
    @classmethod
    def _state_is_postgres(cls, value: str) -> str:
        if value:
            from zerodistance.kernel import postgres

            postgres.parse(value)
        return value

    @field_validator("map_tiles")
    @classmethod
    def _tiles(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        plain = not set(value) & set(" ;,'\"<>")
        if (
            parts.scheme in ("http", "https")
            and parts.hostname
            and plain
            and all(f"{{{n}}}" in value for n in "zxy")
        ):
            return value
        raise ValueError("an address of tiles is like https://tiles.example.com/{z}/{x}/{y}.png")

    @field_validator("otel_endpoint", "alert_webhook", "public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            good = False
        if not good or parts.username is not None or "\n" in value or " " in value:
            raise ValueError(
                "allowed are addresses that begin with http:// or https:// and hold no user or password"
            )
        return value

    @property
    def tz(self) -> ZoneInfo:
        """The time zone in which days are counted."""
        return ZoneInfo(self.zone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give flags the last word, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _toml_file(init_settings))


def _toml_file(flags: PydanticBaseSettingsSource) -> Path:
    given = flags().get("home") or os.environ.get("ZERODISTANCE_HOME")
    inside = Path(given or "zerodistance-data") / FILE_NAME
    return inside if inside.exists() else Path(FILE_NAME)


def load(**flags: Any) -> Settings:
    """Read the settings; flags that are None were not given.

    Raises
    ------
    WrongSetting
        A value is not allowed or a name is unknown; says which and what is allowed.
    """
    try:
        return Settings(**{k: v for k, v in flags.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        why: str | Text = first["msg"]
        if first["type"] == "extra_forbidden":
            near = get_close_matches(name, Settings.model_fields, n=3, cutoff=0.3) or list(
                Settings.model_fields
            )
            why = Text(
                "没有这个设置；相近的有 " + "、".join(near),
                "there is no such setting; near it are " + ", ".join(near),
            )
        given = first.get("input")
        if name in SECRET:
            given = "…"
            why = Text(
                "写作 postgresql://用户@主机:5432/数据库，或留空",
                "write it as postgresql://user@host:5432/database, or leave it empty",
            )
        raise WrongSetting(setting=name, given=given, why=why) from None
    except tomllib.TOMLDecodeError as error:
        why = Text(f"不是正确的 TOML：{error}", f"it is not TOML: {error}")
        raise WrongSetting(setting=FILE_NAME, given="…", why=why) from None
