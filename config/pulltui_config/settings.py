"""Every setting: its name, type, bounds, default and description, here and nowhere else.

The template, the schema, `pulltui config show` and README's table are made from these structs. In memory
sizes are bytes, rates bytes a second (None: unlimited), durations seconds and times of day minutes since
midnight, as plain numbers; `Meta.extra["unit"]` says which of them a field holds, so that files can say
"16 MB" (see `values`). What is not read again while the program runs says so in `Meta.extra["counts"]`.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from pulltui_config.problems import masked
from pulltui_config.units import GB, KB, MB

SIZE: Final[dict[str, Any]] = {"unit": "size"}
RATE: Final[dict[str, Any]] = {"unit": "rate"}
SECONDS: Final[dict[str, Any]] = {"unit": "seconds"}
TIME: Final[dict[str, Any]] = {"unit": "time"}
DAYS: Final[dict[str, Any]] = {"unit": "days"}
AT_START: Final[dict[str, Any]] = {"counts": "from the next start"}

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# A path is never relative: the same file would mean another directory in every directory it is read from.
_PATH = r"\A(?:|/[^\x00]*|~(?:/[^\x00]*)?)\Z"
_PATH_ALLOWED = {"allowed": 'an absolute path, one that begins with ~/, or ""'}

Connections = Annotated[int, Meta(ge=1, le=64)]
Host = Annotated[str, Meta(pattern=r"\A[^\s/]+\Z", extra={"allowed": "a host name"})]
Rate = Annotated[int, Meta(ge=1 * KB, le=1000 * GB)]


class Storage(Struct, frozen=True, kw_only=True):
    """Table [storage]."""

    models_dir: Annotated[
        str,
        Meta(
            description='The models directory. "" follows OLLAMA_MODELS, and without that ~/.ollama/models.',
            pattern=_PATH,
            extra=_PATH_ALLOWED | AT_START,
        ),
    ] = ""
    check_space: Annotated[
        bool, Meta(description="Refuse to begin, and wait while writing, when the disk has not enough space.")
    ] = True
    keep_free: Annotated[
        int,
        Meta(
            description="How much of the disk stays free for everything else.",
            ge=0,
            le=1_000_000 * GB,
            extra=SIZE,
        ),
    ] = 1 * GB


class Transfer(Struct, frozen=True, kw_only=True):
    """Table [transfer]."""

    connections: Annotated[
        Connections | Literal["auto"],
        Meta(
            description='How many connections a pull uses. "auto" begins with 8, or 16 if bytes are late, '
            "grows while that pays, and tries again now and then."
        ),
    ] = "auto"
    max_connections: Annotated[
        int, Meta(description="The most connections of the whole program, over all pulls.", ge=1, le=256)
    ] = 64
    per_host: Annotated[
        dict[Host, Connections],
        Meta(
            description="The most connections for what one registry serves; others may use max_connections."
        ),
    ] = field(default_factory=lambda: {"hf.co": 8, "huggingface.co": 8})
    part_size: Annotated[
        int,
        Meta(
            description="The size of a part: the unit of progress, checksum and display. "
            "Larger where a blob would have more than 7,500.",
            ge=1 * MB,
            le=1 * GB,
            extra=SIZE,
        ),
    ] = 16 * MB
    layout: Annotated[
        Literal["fixed", "sixteenths"],
        Meta(
            description='How new blobs are cut: "fixed" into parts of part_size, "sixteenths" into 16 parts '
            "of 100 MB to 1 GB as Ollama does. Partials keep the layout they have."
        ),
    ] = "fixed"
    active_pulls: Annotated[
        int, Meta(description="How many pulls download at once; the others wait.", ge=1, le=16)
    ] = 2
    bandwidth: Annotated[
        Rate | None, Meta(description="The most that all downloads together may use.", extra=RATE)
    ] = None
    transport: Annotated[
        Literal["auto", "fast", "httpx"],
        Meta(
            description='Who talks to the network: "fast" costs less processor time but is not built for '
            'every machine, "httpx" runs everywhere, "auto" takes the fast one where it is installed.',
            extra=AT_START,
        ),
    ] = "auto"


class Retry(Struct, frozen=True, kw_only=True):
    """Table [retry]."""

    max_retries: Annotated[
        int,
        Meta(
            description="How often a part may fail without progress before it is set aside.",
            ge=0,
            le=1000,
        ),
    ] = 6
    stall_timeout: Annotated[
        float,
        Meta(
            description="A connection silent for this long is given up and its part tried again.",
            ge=1,
            le=3600,
            extra=SECONDS,
        ),
    ] = 30.0
    slow_factor: Annotated[
        float,
        Meta(
            description="A part below this share of its siblings' median speed is taken over by another "
            "connection; 0 never.",
            ge=0,
            le=0.9,
        ),
    ] = 0.1
    backoff_cap: Annotated[
        float,
        Meta(
            description="The longest wait between two tries of a part, give or take half.",
            ge=0.1,
            le=600,
            extra=SECONDS,
        ),
    ] = 10.0
    give_up_after: Annotated[
        float,
        Meta(
            description="A headless pull ends after this long without a byte; 0 never. Pauses, a full disk "
            "and waits that a server asked for do not count.",
            ge=0,
            le=30 * 86400,
            extra=SECONDS,
        ),
    ] = 1800.0
    max_redirects: Annotated[
        int, Meta(description="How many redirects to follow for one request.", ge=0, le=50)
    ] = 10


class Network(Struct, frozen=True, kw_only=True):
    """Table [network]."""

    proxy: Annotated[
        str,
        Meta(
            description='The proxy for all but loopback. "" follows HTTPS_PROXY, HTTP_PROXY, NO_PROXY.',
            pattern=r"\A(?:|(?:https?|socks5h?)://[^\s/]+/?)\Z",
            extra={"allowed": 'http://host:port, https://host:port, socks5://host:port, or ""'} | AT_START,
        ),
    ] = ""
    ca_file: Annotated[
        str,
        Meta(
            description="A PEM file of certificates to trust besides those of the system.",
            pattern=_PATH,
            extra=_PATH_ALLOWED | AT_START,
        ),
    ] = ""
    user_agent: Annotated[
        str,
        Meta(
            description='What to call ourselves to servers. "" is pulltui and its version after '
            '"ollama/0.0.0", which registries that ask for a certain Ollama let through.',
            pattern=r"\A[\x20-\x7e]*\Z",
            extra={"allowed": "one line of ASCII text"} | AT_START,
        ),
    ] = ""
    insecure_hosts: Annotated[
        tuple[Host, ...],
        Meta(
            description='Hosts that may be asked over plain http: "host", "host:port". Loopback always may.'
        ),
    ] = ()
    token_hosts: Annotated[
        tuple[Host, ...],
        Meta(
            description='Hosts that may give out tokens for other registries: "host", "host:port". The '
            "registry's own host always may."
        ),
    ] = ()
    connect_timeout: Annotated[
        float,
        Meta(description="How long to wait for a connection.", ge=0.1, le=600, extra=SECONDS | AT_START),
    ] = 10.0

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show everything but the password of the proxy."""
        values = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, masked(value) if isinstance(value, str) else value) for name, value in values]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Network({fields})"


class Period(Struct, frozen=True, kw_only=True):
    """One entry of [[schedule]]. If `to` is not after `from_`, the period ends on the day after it began."""

    days: Annotated[
        tuple[Day, ...],
        Meta(description='Days it begins on: a list, "daily", "weekdays" or "weekends".', extra=DAYS),
    ] = WEEK
    from_: Annotated[int, Meta(description="When it begins.", ge=0, le=24 * 60 - 1, extra=TIME)] = field(
        name="from"
    )
    to: Annotated[
        int,
        Meta(description="When it ends; earlier than from is the next day.", ge=0, le=24 * 60, extra=TIME),
    ]
    bandwidth: Annotated[
        Rate | Literal["pause"],
        Meta(description='The most that all downloads may use meanwhile, or "pause".', extra=RATE),
    ]

    def __post_init__(self) -> None:
        if self.from_ == self.to:
            raise ValueError('from and to are the same; a whole day is from "00:00" to "24:00"')


class Ui(Struct, frozen=True, kw_only=True):
    """Table [ui]."""

    theme: Annotated[
        str,
        Meta(
            description='The colours: "pulltui-dark", "pulltui-light" or one of Textual\'s, like "nord".',
            min_length=1,
        ),
    ] = "pulltui-dark"
    fps: Annotated[
        int,
        Meta(
            description="How often a second the screen is brought up to date. The engine has "
            "something new ten times a second.",
            ge=1,
            le=10,
        ),
    ] = 10
    glyphs: Annotated[
        Literal["auto", "unicode", "ascii"],
        Meta(
            description='What bars are drawn with. "auto" is ascii without UTF-8, on TERM=linux or dumb, and '
            "in Chinese, Japanese and Korean locales.",
            extra=AT_START,
        ),
    ] = "auto"
    animations: Annotated[bool, Meta(description="Move things smoothly; switch off for slow terminals.")] = (
        True
    )
    bell: Annotated[
        bool,
        Meta(
            description="Ring the terminal's bell when a pull is done or failed, and have the terminal show "
            "a notification (OSC 9) where it can."
        ),
    ] = False
    confirm_delete: Annotated[bool, Meta(description="Ask before anything on disk is deleted.")] = True
    resume_on_start: Annotated[bool, Meta(description="Go on with unfinished pulls when the app starts.")] = (
        True
    )
    keys: Annotated[
        dict[str, tuple[Annotated[str, Meta(min_length=1)], ...]],
        Meta(
            description='Keys of actions, instead of their own: { pause = ["p", "f9"], undo = [] }. The '
            "names are in README; one that is wrong leaves all keys as they are."
        ),
    ] = field(default_factory=dict)


class Hooks(Struct, frozen=True, kw_only=True):
    """Table [hooks]."""

    on_done: Annotated[
        tuple[str, ...],
        Meta(
            description="A command and its arguments, run without a shell when a pull is done; it may take "
            "30 s. Its environment has PULLTUI_EVENT (done, failed), PULLTUI_NAME, PULLTUI_SIZE (bytes), "
            "PULLTUI_SECONDS, PULLTUI_MODELS_DIR."
        ),
    ] = ()
    on_failed: Annotated[
        tuple[str, ...],
        Meta(
            description="The same for a pull that has failed. Its environment also has PULLTUI_WHY and "
            "PULLTUI_HINT: what failed, and what to do next."
        ),
    ] = ()


class Settings(Struct, frozen=True, kw_only=True):
    """All settings in force. `Settings()` has the defaults."""

    storage: Annotated[Storage, Meta(description="Where models are kept.")] = Storage()
    transfer: Annotated[Transfer, Meta(description="How blobs are fetched.")] = Transfer()
    retry: Annotated[Retry, Meta(description="What happens when something fails.")] = Retry()
    network: Annotated[Network, Meta(description="How servers are reached.")] = Network()
    schedule: Annotated[
        tuple[Period, ...],
        Meta(
            description="Times with a bandwidth of their own, instead of transfer.bandwidth; where some "
            "overlap, the lowest wins."
        ),
    ] = ()
    ui: Annotated[Ui, Meta(description="How the app looks and behaves.")] = Ui()
    hooks: Annotated[Hooks, Meta(description="Commands to run when something ends.")] = Hooks()
