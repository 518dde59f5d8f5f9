"""What one client may cost: the settings that bound connections, their number and their pace."""

from pydantic import Field
from pydantic_settings import BaseSettings

from .setting_types import MIB, ByteSize


class ClientBounds(BaseSettings):
    """The settings that app/pacing.py and app/connections.py hold a client to. Times are seconds, and count only while
    the server waits for the client."""

    header_timeout: int = Field(30, ge=1, le=600, description="seconds in which a request's head has to come")
    max_header_bytes: ByteSize = Field(64 * 1024, ge=8 * 1024, le=MIB, description="largest head of a request")
    body_timeout: int = Field(15, ge=1, le=600, description="seconds in which a body has to keep MIN_RATE")
    send_timeout: int = Field(60, ge=1, le=600, description="seconds in which who reads an answer has to keep MIN_RATE")
    min_rate: ByteSize = Field(1024, le=MIB, description="bytes a second that a client sends or reads at least")
    request_timeout: int = Field(3600, ge=1, le=86400, description="seconds of waiting for a client over one request")
    drain_timeout: int = Field(30, ge=1, le=600, description="seconds for what remains of a refused body")
    drain_bytes: ByteSize = Field(128 * MIB, description="how much of a refused body is read")
    # cloudflared keeps connections for 90 s: it must be the one who ends them, or it sends into one that just ended.
    keepalive_timeout: int = Field(100, ge=1, le=3600, description="seconds until a connection without requests ends")
    max_connections: int = Field(4096, ge=16, le=100_000, description="connections of one web process")
    max_address_connections: int = Field(
        256, ge=1, le=100_000, description="of them from one address that is none of TRUSTED_PROXIES"
    )
