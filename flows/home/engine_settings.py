"""[engine] of tollbook.toml: who does a month's units of work."""

from typing import Literal

from pydantic import Field

from flows.home.file_settings import Table

EngineKind = Literal["local", "processes", "dask", "ray"]


class EngineSettings(Table):
    """[engine]: who works on pieces of usage, ranges of accounts and batches of documents (docs/engines.md). What comes
    out is the same, byte for byte."""

    kind: EngineKind = Field("local", examples=["processes"])
    """local: this process, and `[run] render_processes` others for PDFs. processes: others on this machine. dask, ray:
    those of a cluster, through Prefect's task runners (`pip install "tollbook[dask]"`, `"tollbook[ray]"`)."""
    workers: int = Field(2, ge=1, le=1024, examples=[8])
    """Workers that are started; of a cluster that is there already, how many it has."""
    worker_memory_mb: int = Field(4096, ge=512, examples=[4096])
    """What one worker may use: units are cut so that they fit, and a worker of Dask that needs more is ended."""
    address: str | None = Field(None, examples=["tcp://scheduler.telephone.example:8786"])
    """Of a cluster of Dask or Ray that is there already; without it one is started on this machine, for this command,
    that no other machine and no other user can speak to."""
    path: str | None = Field(None, examples=["/mnt/shared/tollbook"])
    """Where files between workers lie: a folder that every worker sees, or s3://bucket/folder, gs://bucket/folder.
    Without it store/work/engine in the home. What a command leaves there it takes away."""
