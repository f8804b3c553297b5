"""The shelf as one run sees it: in its caller's name, on its thread."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from artifacts.kinds import Kind
from artifacts.service import ArtifactService, ArtifactVersion
from artifacts.workers import Workers
from observability.tracing import Span, use_span
from storage.caller import Caller
from storage.memories import Memories, MemoryRecord
from storage.reviews import NewReview, Reviews

# What is remembered of a user and told to a model, the newest first.
_MAX_MEMORIES = 30


@dataclass(frozen=True, slots=True)
class RunWorkspace:
    """`thread` is internal; `run` is the client's name of the run, which its versions carry."""

    artifacts: ArtifactService
    memories: Memories
    reviews: Reviews
    workers: Workers
    caller: Caller
    thread: str
    run: str

    async def read_artifact(self, artifact: str, version: int | None = None) -> ArtifactVersion:
        """One version, or the newest. Raises `UnknownArtifact` or `UnknownVersion`."""
        return await self.artifacts.read(self.caller, artifact, version)

    async def create_artifact(
        self, name: str, kind: Kind, language: str | None, text: str, note: str
    ) -> ArtifactVersion:
        """Raises `NoText` or `TooLarge`."""
        with use_span("write artifact", "artifact") as opened:
            version = await self.artifacts.create(
                self.caller,
                name=name,
                kind=kind,
                language=language,
                text=text,
                author="agent",
                thread=self.thread,
                run=self.run,
                note=note,
            )
            _attach_read_span(opened, version)
            return version

    async def update_artifact(
        self, seen: ArtifactVersion, text: str, note: str, language: str | None = None
    ) -> ArtifactVersion:
        """What was made of a version, merged with what others made of it meanwhile; `language` where that changes.

        Raises `NoText`, `TooLarge`, `UnknownArtifact` or `Stale`.
        """
        with use_span("write artifact", "artifact") as opened:
            version = await self.artifacts.update(
                self.caller,
                seen.artifact.id,
                text,
                base=seen.version.number,
                author="agent",
                run=self.run,
                note=note,
                merge=True,
                language=language,
            )
            _attach_read_span(opened, version)
            return version

    async def save_review(self, review: NewReview) -> str:
        """Keeps what was found of something that this run wrote; the review's id."""
        with use_span("verdict", "review") as opened:
            if opened is not None:
                opened.set_attributes(
                    outcome=review.outcome, score=review.score, rubric=review.rubric, attempt=review.attempt
                )
            return (await self.reviews.add(self.caller, replace(review, thread_id=self.thread, run_id=self.run))).id

    async def mark_delivered(self, review: str, delivery: str) -> None:
        """Marks the review of the text that is heard, and how much of it."""
        await self.reviews.mark_delivered(self.caller, review, delivery)

    async def attach_to_message(self, message: str, artifact: str, version: int) -> None:
        """Says of reviews of a message which artifact it was that they read, once it is on the shelf."""
        await self.reviews.attach_to_message(self.caller, self.run, message, artifact, version)

    async def recall_memories(self) -> Sequence[MemoryRecord]:
        return await self.memories.recall(self.caller, limit=_MAX_MEMORIES)


def _attach_read_span(opened: Span | None, artifact_version: ArtifactVersion) -> None:
    if opened is not None:
        version = artifact_version.version
        opened.set_attribute("agenkit.artifact.id", artifact_version.artifact.id)
        opened.set_attribute("agenkit.artifact.version", version.number)
        opened.set_attribute("agenkit.artifact.bytes", version.size)
        opened.set_attribute("agenkit.artifact.conflicts", version.conflicts)
