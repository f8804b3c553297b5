"""Every check over one text."""

from graphs.quality.findings import Finding
from graphs.quality.subject import Subject


def checked(subject: Subject) -> list[Finding]:
    """What can be told without a model; a text that no check minds gives nothing."""
    return []
