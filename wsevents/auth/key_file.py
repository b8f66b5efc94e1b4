"""The gateway's own service account at wazo-auth, in a key file as Wazo makes them."""

from __future__ import annotations

from pathlib import Path

from wsevents.api.errors import ConfigurationError
from wsevents.config.yaml_files import Document, Section, read


def account_in(path: str) -> tuple[str, str]:
    """Return the id and the key of the service account.

    Raises:
        ValueError: the file is no use; the text names it and says why, and quotes nothing of it.
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
    except ValueError:  # no UTF-8, or no path at all
        raise ValueError(f"cannot read {path} as UTF-8 text") from None
    except ConfigurationError as error:
        raise ValueError(f"{error}; it must be YAML with the texts service_id and service_key") from None
