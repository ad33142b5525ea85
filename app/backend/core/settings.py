"""Every setting of the platform, read once per process from ATELIER_* variables."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from app.backend.core.account_settings import AccountSettings
from app.backend.core.actor import Role
from app.backend.core.login_settings import LdapUrl, OidcIssuers, PrivateUrl

PARTS_FILE = "parts.json"
SHIPPED_MODEL = "smollm2-135m"


class Settings(AccountSettings):
    """Settings of one installation. An empty URL means the bundled part."""

    model_config = SettingsConfigDict(
        env_prefix="ATELIER_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Field(
        Path("./data"), description="Folder for everything the installation stores."
    )
    host: str = Field("127.0.0.1", description="Address the web process listens on.")
    port: int = Field(
        8000, ge=1, le=65535, description="Port of the web UI and the API."
    )
    public_url: str = Field(
        "",
        description="URL people use when it differs from host and port, e.g. behind a proxy.",
    )
    secret_key: SecretStr | None = Field(
        None, description="Installation key; generated into the data folder when empty."
    )
    field_encryption_key: SecretStr | None = Field(
        None,
        description="Master key of what users keep secret: a Fernet key, or several with commas, newest first; generated into the data folder when empty.",
    )
    secret_env_prefix: str = Field(
        "SECRET_",
        min_length=1,
        description="Secrets of the form env:NAME may be read when the name begins so; never one that begins with ATELIER_.",
    )
    secret_file_dir: Path | None = Field(
        None,
        description="Secrets of the form file:/path may be read below this folder; empty: none.",
    )
    secret_sources_for_all: bool = Field(
        False,
        description="Whether everybody may use env:, file: and vault: secrets of the installation; otherwise administrators only.",
    )
    vault_url: str = Field(
        "",
        description="URL of HashiCorp Vault or OpenBao; enables secrets of the form vault:mount/path#key.",
    )
    vault_token: SecretStr | None = Field(None, description="Token for Vault.")
    vault_token_file: Path | None = Field(
        None, description="File with the token for Vault, read anew each time."
    )
    workers: int = Field(
        2, ge=1, le=64, description="Worker processes that `atelier up` starts."
    )
    worker_ingests: bool = Field(
        True,
        description="Whether a worker reads documents too; the first of several that `atelier up` starts never does.",
    )
    worker_slots: int = Field(
        12,
        ge=1,
        le=200,
        description="Jobs that one worker does at once; at most one of them reads documents.",
    )
    worker_process_slots: int = Field(
        1,
        ge=1,
        le=50,
        description="How many of these jobs share a process. More is for many runs that wait for hosted models: they take far less memory and processor time, and a process that crashes takes all its runs along, which then go on elsewhere.",
    )
    worker_jobs_max: int = Field(
        100, ge=1, description="Jobs after which such a process is replaced."
    )
    worker_memory_mb: int = Field(
        600,
        ge=1,
        description="Memory in MB, with what it shares with its worker, above which such a process is replaced after its job.",
    )
    worker_drain_seconds: float = Field(
        20,
        ge=0,
        description="Time that runs get to finish when their worker is told to end; then they go back into the queue, after their last step.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies of your own in front of Atelier that set X-Forwarded-For; it tells where logins come from.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level that is logged."
    )
    log_json: bool = Field(False, description="Log JSON lines instead of text.")

    database_url: str = Field(
        "", description="PostgreSQL URL; empty: SQLite in the data folder."
    )
    migration_database_url: str = Field(
        "",
        description="PostgreSQL URL of the role that owns the tables and migrates them; empty: that of database_url does.",
    )
    redis_url: str = Field(
        "", description="Redis or Valkey URL; empty: the bundled Valkey."
    )
    chroma_url: str = Field(
        "", description="Chroma server URL; empty: the bundled server."
    )
    chroma_token: SecretStr | None = Field(
        None,
        description="Bearer token for the Chroma server, when a proxy asks for one.",
    )

    runtime_host: str = Field(
        "127.0.0.1", description="Address the model runtime listens on."
    )
    runtime_port: int = Field(
        8001, ge=1, le=65535, description="Port of the model runtime."
    )
    runtime_url: str = Field(
        "",
        description="URL of the model runtime; empty: runtime_host and runtime_port.",
    )

    default_model: str = Field(
        f"local/{SHIPPED_MODEL}", description="Model of new agents, as provider/model."
    )
    fallback_model: str = Field(
        "",
        description="Model that is asked in the place of one whose service does not answer, as provider/model; empty: the run fails.",
    )
    model_silence_seconds: float = Field(
        300,
        gt=0,
        description="A service of models that says nothing for so long is taken for away; a large model of Ollama may take minutes to load.",
    )
    local_model_path: Path | None = Field(
        None,
        description="GGUF file for the `local` provider instead of the shipped model.",
    )
    local_model_threads: int = Field(
        1, ge=1, le=64, description="CPU threads of the local model."
    )
    local_model_context: int = Field(
        2048, ge=512, description="Context window of the local model, in tokens."
    )
    local_model_idle_seconds: float = Field(
        300, gt=0, description="The local model leaves memory after this time unused."
    )
    ollama_url: str = Field(
        "",
        description="Ollama URL, e.g. http://127.0.0.1:11434; enables ollama/<model>.",
    )
    ollama_context: int = Field(
        8192, ge=512, description="Context window asked of Ollama, in tokens."
    )
    openai_base_url: str = Field(
        "", description="OpenAI-compatible URL; enables openai/<model>."
    )
    openai_api_key: SecretStr | None = Field(
        None, description="Key for the OpenAI-compatible URL."
    )
    environment: Literal["LAB", "NONPROD", "PROD"] = Field(
        "LAB",
        description="What this installation is for; models that are meant for another one are not used. Only a LAB falls back to default_model.",
    )
    private_providers: bool = Field(
        False,
        description="Lets providers and remote agents of users who are no administrators be at addresses of this machine and its network.",
    )
    embedder: str = Field(
        "minilm-int8",
        description="`minilm-int8`, or a folder with a sentence-transformers model.",
    )

    object_store: Literal["local", "s3"] = Field(
        "local", description="Where originals of documents are kept."
    )
    s3_endpoint: str = Field("", description="S3 URL, e.g. https://s3.example.org.")
    s3_bucket: str = Field("atelier", description="S3 bucket; created when absent.")
    s3_region: str = Field("us-east-1", description="S3 region.")
    s3_access_key: SecretStr | None = Field(None, description="S3 access key.")
    s3_secret_key: SecretStr | None = Field(None, description="S3 secret key.")

    checkpointer: Literal["database", "redis", "memory"] = Field(
        "database",
        description="Where graph checkpoints are kept: a file of their own beside SQLite, tables of their own in PostgreSQL, Redis, or the memory of each process, which is lost when it ends.",
    )
    checkpoint_redis_database: int = Field(
        2, ge=0, description="Number of the Redis database for checkpoints in Redis."
    )
    upload_max_bytes: int = Field(
        10 * 1024 * 1024, ge=1024, description="Largest accepted upload, in bytes."
    )
    session_days: int = Field(30, ge=1, description="Days until a login expires.")
    google_client_id: str = Field(
        "", description="Client id of Google; lets people sign in with it (logins.md)."
    )
    google_client_secret: SecretStr | None = Field(
        None, description="Client secret of Google."
    )
    github_client_id: str = Field(
        "", description="Client id of GitHub; lets people sign in with it (logins.md)."
    )
    github_client_secret: SecretStr | None = Field(
        None, description="Client secret of GitHub."
    )
    github_url: PrivateUrl = Field(
        "https://github.com",
        description="Address of GitHub, for a GitHub Enterprise Server.",
    )
    discord_client_id: str = Field(
        "",
        description="Client id of Discord; lets people sign in with it (logins.md).",
    )
    discord_client_secret: SecretStr | None = Field(
        None, description="Client secret of Discord."
    )
    oidc_issuers: OidcIssuers = Field(
        [],
        description="OpenID Connect issuers that people may sign in with, as JSON (logins.md).",
    )
    ldap_url: LdapUrl = Field(
        "",
        description="LDAP directory whose people may sign in with their password there, e.g. ldaps://ldap.example.org.",
    )
    ldap_start_tls: bool = Field(
        True, description="Whether a connection to ldap:// changes to TLS first."
    )
    ldap_ca_file: Path | None = Field(
        None,
        description="Certificates that the directory's is signed with; empty: the system's.",
    )
    ldap_bind_dn: str = Field(
        "", description="Name in the directory under which people are searched."
    )
    ldap_bind_password: SecretStr | None = Field(
        None, description="Password of that name."
    )
    ldap_base_dn: str = Field("", description="Below which people are searched.")
    ldap_filter: str = Field(
        "(mail={login})", description="How a person is found by what they type."
    )
    ldap_user_dn: str = Field(
        "",
        description="Instead of a search: the name of a person, e.g. uid={login},ou=people,dc=example,dc=org.",
    )
    ldap_email_attribute: str = Field("mail", description="Where addresses are.")
    ldap_name_attribute: str = Field("cn", description="Where names are.")
    ldap_id_attribute: str = Field(
        "entryUUID",
        description="What never changes about a person; objectGUID in Active Directory.",
    )
    ldap_group_attribute: str = Field(
        "memberOf", description="Where the groups of a person are."
    )
    ldap_group_base_dn: str = Field(
        "",
        description="Below which groups are searched, where people do not list them.",
    )
    ldap_group_filter: str = Field(
        "(member={dn})", description="How the groups of a person are found."
    )
    ldap_roles: dict[str, Role] = Field(
        {}, description="Role of the members of a group, by its name, as JSON."
    )
    ldap_sign_up: bool = Field(
        False, description="Whether people of the directory get accounts by signing in."
    )
    run_seconds_max: int = Field(
        600,
        ge=1,
        description="Longest time a run may take, in seconds; an agent may allow less.",
    )
    run_steps_max: int = Field(
        25,
        ge=1,
        description="Most turns of the model in one run of an agent with tools; an agent may allow less.",
    )
    run_repeats_max: int = Field(
        8,
        ge=0,
        description="How often a run may call the same tool with the same arguments before it waits and asks its person; 0: as often as it likes.",
    )
    run_depth_max: int = Field(
        5,
        ge=0,
        le=50,
        description="How deep runs may start runs: 1 lets a run that a person started start others, and those none.",
    )
    run_tree_max: int = Field(
        100,
        ge=1,
        description="Most runs of one tree: the run that a person started, and all below it.",
    )
    run_tokens_max: int = Field(
        1_000_000,
        ge=1,
        description="Most tokens that a run may use, read and written together; an agent may allow less.",
    )
    runs_active_max: int = Field(
        1000,
        ge=1,
        description="Most runs that may be queued or running at once, of all users together.",
    )
    runs_active_per_user_max: int = Field(
        500,
        ge=1,
        description="Most runs of one user that may be queued or running at once.",
    )
    lease_seconds: float = Field(
        6.0, gt=0, description="A run whose worker is silent this long is lost."
    )
    run_attempts_max: int = Field(
        3, ge=1, description="Workers that a run may lose before it fails for good."
    )
    checkpoint_days: int = Field(
        7,
        ge=1,
        description="Days that the steps of a run are kept after its end, to look at, fork and resume; a run that waits keeps them.",
    )
    checkpoints_per_thread: int = Field(
        100,
        ge=1,
        description="Steps of completed runs that a conversation keeps, the newest.",
    )
    audit_days: int | None = Field(
        None, ge=30, description="Days that the audit is kept; empty: for ever."
    )
    fault_points: bool = Field(
        False,
        description="For fault tests only: lets files in the data folder kill workers of scripted runs, and adds tools that write to a file.",
    )
    ingest_chunks_max: int = Field(
        20_000, ge=1, description="Most chunks of one document."
    )

    @model_validator(mode="before")
    @classmethod
    def _prefer_own_model(cls, values: dict[str, Any]) -> dict[str, Any]:
        # Who names a model file wants new agents to use it.
        path = values.get("local_model_path")
        if path and not values.get("default_model"):
            return {**values, "default_model": f"local/{_model_name(Path(path))}"}
        return values

    @field_validator("field_encryption_key")
    @classmethod
    def _check_master_keys(cls, value: SecretStr | None) -> SecretStr | None:
        for key in _split(value):
            try:
                Fernet(key)
            except ValueError:
                message = "Write Fernet keys with commas between them. Make one with: openssl rand -base64 32 | tr '+/' '-_'"
                raise ValueError(message) from None
        return value

    @property
    def master_keys(self) -> list[str]:
        """The keys of the setting, newest first."""
        return _split(self.field_encryption_key)

    @property
    def local_model_name(self) -> str:
        """Name behind `local/` of the model that the runtime holds."""
        path = self.local_model_path
        return SHIPPED_MODEL if path is None else _model_name(path)

    @property
    def sql_url(self) -> str:
        """URL for SQLAlchemy's async engine."""
        if not self.database_url:
            return f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'atelier.db'}"
        return _for_sqlalchemy(self.database_url)

    @property
    def migration_sql_url(self) -> str:
        """The same, for the role that migrates."""
        return (
            _for_sqlalchemy(self.migration_url) if self.migration_url else self.sql_url
        )

    @property
    def migration_url(self) -> str:
        """URL of the role that migrates, if it is not the one that the platform works with."""
        return self.migration_database_url if self.database_url else ""

    @property
    def models_dir(self) -> Path:
        """Folder of model files, shared by all installations of this user."""
        return Path.home() / ".cache" / "atelier" / "models"

    @property
    def runtime_address(self) -> str:
        """URL of the model runtime."""
        return self.runtime_url or f"http://{self.runtime_host}:{self.runtime_port}"

    @property
    def web_address(self) -> str:
        """URL that people open."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether people come by https."""
        return self.web_address.startswith("https://")

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, RunningParts(settings_cls)


class RunningParts(PydanticBaseSettingsSource):
    """Reads where `atelier up` started the bundled parts, so that every command finds them."""

    @override
    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[Any, str, bool]:
        return None, field_name, False

    @override
    def __call__(self) -> dict[str, Any]:
        path = Path(self.current_state.get("data_dir", "./data")) / PARTS_FILE
        return json.loads(path.read_text()) if path.is_file() else {}


def _split(keys: SecretStr | None) -> list[str]:
    text = keys.get_secret_value() if keys is not None else ""
    return [key.strip() for key in text.split(",") if key.strip()]


def _for_sqlalchemy(url: str) -> str:
    return "postgresql+psycopg://" + url.split("://", 1)[1]


def _model_name(path: Path) -> str:
    return path.stem.lower()


@lru_cache
def load() -> Settings:
    """Return the settings of this process."""
    return Settings()  # pyright: ignore[reportCallIssue] - pydantic fills the fields
