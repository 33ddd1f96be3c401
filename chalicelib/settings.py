"""Every environment variable Glia reads, typed and documented in one place.

`Settings.from_env(os.environ)` is called once, by `wiring`; nothing else reads the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from chalicelib.errors import ConfigurationError

LOCAL_STAGE = "local"
PREFIX = "env:"


def env(name: str, description: str) -> object:
    """A field read from the environment variable `name`."""
    return Field(alias=name, description=description)


class Settings(BaseModel):
    """The process's configuration. Times are seconds unless the name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    stage: Annotated[str, env("GLIA_STAGE", "Name of the deployment; `local` allows development identity.")] = (
        LOCAL_STAGE
    )
    log_level: Annotated[str, env("GLIA_LOG_LEVEL", "Level of the JSON logs.")] = "INFO"

    database_url: Annotated[str, env("DATABASE_URL", "Login of glia_app: requests and workers.")] = ""
    database_system_url: Annotated[str, env("DATABASE_SYSTEM_URL", "Login of glia_system: sweeps.")] = ""
    database_owner_url: Annotated[str, env("DATABASE_OWNER_URL", "Login of the owner: migrations only.")] = ""
    database_pooled: Annotated[
        bool, env("GLIA_DATABASE_POOLED", "True where a transaction pooler stands in front: no prepared statements.")
    ] = True
    statement_timeout_ms: Annotated[
        int, Field(alias="GLIA_STATEMENT_TIMEOUT_MS", gt=0, description="Longest single SQL statement.")
    ] = 15_000

    aws_endpoint_url: Annotated[str | None, env("AWS_ENDPOINT_URL", "Emulator address; unset on AWS.")] = None
    aws_region: Annotated[str, env("AWS_REGION", "Region of queues and buckets.")] = "eu-central-1"
    queue_prefix: Annotated[str, env("GLIA_QUEUE_PREFIX", "Queues are named `{prefix}-turns` and so on.")] = (
        "glia-local"
    )
    bucket: Annotated[str, env("GLIA_BUCKET", "Bucket for blobs; `/health` checks it.")] = "glia-local"

    upload_bucket: Annotated[
        str, env("GLIA_UPLOAD_BUCKET", "Bucket for raw uploads of artifacts; each is deleted within 15 minutes.")
    ] = "glia-local-uploads"
    artifact_bytes: Annotated[
        int, Field(alias="GLIA_ARTIFACT_BYTES", ge=1, le=2**30, description="Upper bound of one artifact, in bytes.")
    ] = 100 * 1024 * 1024

    auth: Annotated[
        Literal["on", "off"], env("GLIA_AUTH", "`off` lets everybody in as one local user; local stage only.")
    ] = "on"
    oidc_issuer: Annotated[str, env("GLIA_OIDC_ISSUER", "The `iss` of accepted tokens.")] = ""
    oidc_audience: Annotated[str, env("GLIA_OIDC_AUDIENCE", "The `aud` of accepted tokens.")] = "glia"
    oidc_jwks_url: Annotated[
        str, env("GLIA_OIDC_JWKS_URL", "Where the issuer's keys are: https, or in the local stage a file path.")
    ] = ""

    openai_base_url: Annotated[str | None, env("OPENAI_BASE_URL", "Any endpoint that speaks OpenAI's wire format.")] = (
        None
    )
    openai_api_key: Annotated[SecretStr | None, env("OPENAI_API_KEY", "Key for that endpoint.")] = None
    chat_model: Annotated[str, env("GLIA_CHAT_MODEL", "Model that answers; empty: the rules responder answers.")] = ""
    extract_model: Annotated[
        str, env("GLIA_EXTRACT_MODEL", "Model that extracts cards; empty: the rules extractor does.")
    ] = ""
    story_model: Annotated[str, env("GLIA_STORY_MODEL", "Model that tells stories; empty: the digest does.")] = ""
    design_model: Annotated[
        str, env("GLIA_DESIGN_MODEL", "Model that reads design sessions' messages; empty: the rules do.")
    ] = ""
    session_expiry: Annotated[
        int, Field(alias="SESSION_EXPIRY_SECONDS", ge=1, description="How long a design session waits for its user.")
    ] = 3600
    llm_timeout: Annotated[
        float, Field(alias="GLIA_LLM_TIMEOUT", gt=0, description="One model call's longest wait.")
    ] = 60.0
    llm_max_tries: Annotated[
        int, Field(alias="GLIA_LLM_MAX_TRIES", ge=1, le=10, description="Tries of a passing failure.")
    ] = 3
    context_tokens: Annotated[
        int, Field(alias="GLIA_CONTEXT_TOKENS", ge=512, description="Upper bound of a model call's input, in tokens.")
    ] = 8_000
    answer_tokens: Annotated[
        int, Field(alias="GLIA_ANSWER_TOKENS", ge=16, description="Upper bound of an answer, in tokens.")
    ] = 2_000

    routing_policy: Annotated[
        Literal["v0", "v1"],
        env("GLIA_ROUTING_POLICY", "Who opens topics: `v0`, switch phrases only; `v1`, also what is said."),
    ] = "v0"
    evidence_roles: Annotated[
        str, env("GLIA_EVIDENCE_ROLES", "Comma-separated roles whose messages cards may cite.")
    ] = "user"
    extract_delay: Annotated[
        int, Field(alias="GLIA_EXTRACT_DELAY", ge=0, le=900, description="Wait between a message and its extraction.")
    ] = 5
    story_delay: Annotated[
        int, Field(alias="GLIA_STORY_DELAY", ge=0, le=900, description="Wait between a change of cards and its story.")
    ] = 30
    upgrade_delays: Annotated[
        str,
        Field(
            alias="GLIA_UPGRADE_DELAYS",
            pattern=r"^(never|\d{1,6}(,\d{1,6})*)$",
            description="When the model is tried again where the rules stand in for a passing failure; or `never`.",
        ),
    ] = "600,3600,21600"
    max_attempts: Annotated[
        int, Field(alias="GLIA_MAX_ATTEMPTS", ge=1, description="Claims of a job before it is dead.")
    ] = 5
    turn_lease: Annotated[
        int, Field(alias="GLIA_TURN_LEASE", ge=1, description="How long a silent responder keeps its turn.")
    ] = 120
    extract_lease: Annotated[
        int, Field(alias="GLIA_EXTRACT_LEASE", ge=1, description="How long a silent extractor keeps its run.")
    ] = 600
    story_lease: Annotated[
        int, Field(alias="GLIA_STORY_LEASE", ge=1, description="How long a silent narrator keeps its story.")
    ] = 600
    reextract_concurrency: Annotated[
        int, Field(alias="GLIA_REEXTRACT_CONCURRENCY", ge=1, le=1000, description="Topics of a batch at work at once.")
    ] = 8
    backoff_base: Annotated[
        float, Field(alias="GLIA_BACKOFF_BASE", ge=0, description="First wait after a failed claim; doubles each time.")
    ] = 2.0
    sweep_after: Annotated[
        int, Field(alias="GLIA_SWEEP_AFTER", ge=0, description="A job unsent or silent for so long is sent again.")
    ] = 60
    messages_per_minute: Annotated[
        int, Field(alias="GLIA_MESSAGES_PER_MINUTE", ge=0, description="Messages a user may send; 0: no limit.")
    ] = 0
    tokens_per_day: Annotated[
        int, Field(alias="GLIA_TOKENS_PER_DAY", ge=0, description="A user's model tokens in 24 hours; 0: no limit.")
    ] = 0
    import_queue_age: Annotated[
        int,
        Field(
            alias="GLIA_IMPORT_QUEUE_AGE",
            ge=0,
            description="Imports wait while a job has been queued so long; 0: never.",
        ),
    ] = 300
    events_hold: Annotated[
        float, Field(alias="GLIA_EVENTS_HOLD", ge=0, le=25, description="Longest hold of one request for turn events.")
    ] = 15.0
    delta_interval: Annotated[
        float, Field(alias="GLIA_DELTA_INTERVAL", ge=0, description="How often streamed text is appended as an event.")
    ] = 0.1

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the settings; an unset or empty variable means the default.

        Raises:
            ConfigurationError: naming the variables that are wrong, without their values.
        """
        known = {field.alias for field in cls.model_fields.values()}
        try:
            settings = cls.model_validate({k: v for k, v in environ.items() if k in known and v != ""})
        except ValidationError as error:
            names = ", ".join(str(item["loc"][0]) for item in error.errors())
            raise ConfigurationError(f"these settings are not valid: {names}") from None
        if settings.auth == "off" and not settings.is_local:
            raise ConfigurationError("GLIA_AUTH=off works in the local stage only")
        return settings

    @property
    def is_local(self) -> bool:
        return self.stage == LOCAL_STAGE

    @property
    def evidence(self) -> frozenset[str]:
        return frozenset(role.strip() for role in self.evidence_roles.split(",") if role.strip())

    @property
    def upgrades(self) -> tuple[int, ...]:
        return () if self.upgrade_delays == "never" else tuple(int(delay) for delay in self.upgrade_delays.split(","))

    def queue_name(self, queue: str) -> str:
        """The full name of one of the queues in `chalicelib.jobs.models.QUEUES`."""
        return f"{self.queue_prefix}-{queue}"
