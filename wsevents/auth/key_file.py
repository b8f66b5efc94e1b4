"""Read the gateway's service account at wazo-auth from a key file in Wazo's format (YAML)."""

from __future__ import annotations

from pathlib import Path

from wsevents.api.errors import ConfigurationError
from wsevents.config.yaml_files import Document, Section, read


def account_in(path: str) -> tuple[str, str]:
    """Return the id and the key of the service account in a key file.

    Raises:
        ValueError: the file is unusable. The text gives the reason and quotes nothing of the file.
    """
    content = _content(path)
    found = content.get("service_id"), content.get("service_key")
    if not all(isinstance(text, str) and text for text in found):
        raise ValueError(f"{path} must be YAML with the texts service_id and service_key")
    return found  # type: ignore[return-value]  # both are texts


def _content(path: str) -> Section:
    try:
        return read(Path(path).read_text("utf-8-sig"), Document(0, path))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # not UTF-8, or not a valid path
        raise ValueError(f"cannot read {path} as UTF-8 text") from None
    except ConfigurationError as error:
        raise ValueError(f"{error}; it must be YAML with the texts service_id and service_key") from None
