"""The catalogue as a run has read it: out of store/, by the hashes that the run's inputs say."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flows.home.objects import kept
from flows.home.store import Store


def inputs_of(store: Store, digest: str) -> dict[str, Any] | None:
    """What a run read, by its `inputs_sha256`; None where store/ has it no more."""
    content = kept_content(store, digest)
    return None if content is None else json.loads(content)


def catalogue_files(store: Store, inputs: Mapping[str, Any]) -> dict[str, bytes] | None:
    """Name -> content of each file of products and plans (catalog/*.yaml) of a run's inputs; None where one is gone."""
    digests = catalogue_digests(inputs)
    files = {name: kept_content(store, digest) for name, digest in sorted(digests.items())}
    known = {name: content for name, content in files.items() if content is not None}
    return known if len(known) == len(files) else None


def catalogue_digests(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Name -> hash of each file of products and plans of a run's inputs."""
    return {name: digest for name, digest in inputs["tables"].items() if _is_catalogue(name)}


def kept_content(store: Store, digest: str) -> bytes | None:
    """What store/ keeps under a hash; None where it is not there (books made from a store that lost it) or is another
    content (`tollbook doctor --deep` says so)."""
    try:
        content = kept(store.home, digest).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None


def _is_catalogue(name: str) -> bool:
    return name.startswith("catalog/") and name.count("/") == 1 and name.endswith(".yaml")
