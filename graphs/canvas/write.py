"""Writing a whole text: a new one, or an old one anew."""

from typing import Any

from langgraph.runtime import Runtime

from artifacts.desk import Desk
from artifacts.fences import Unfenced, whole
from artifacts.kinds import NoText
from artifacts.shelf import Held, TooLarge
from graphs.canvas import telling
from graphs.canvas.call import EDIT, WRITE, Call, pieces
from graphs.canvas.state import CanvasState, Plan, Unheard, ref, seen
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.mount import is_held
from graphs.remark import Remark
from storage.artifacts import Stale, UnknownArtifact

_NOTHING = "Nothing was written"
_INCOMPLETE = ", incomplete"
_LONGEST_NAME = 80


class Write:
    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan = state["plan"]
        if plan is None:
            raise ValueError("there is nothing planned to be written")
        desk = runtime.context.desk
        try:
            held = await seen(desk, plan)
        except UnknownArtifact as error:
            return lost(runtime, error)
        asked = telling.step(
            self._prompt,
            state["messages"],
            telling.to_write(plan, held),
            memories=await desk.remembered(),
            background=runtime.context.background,
        )
        call = Call(runtime, WRITE, told(plan), heard=not is_held(runtime))
        text = await _written(call, asked)
        return await kept(call, plan, None if plan["new"] else held, text)


async def _written(call: Call, asked: list[Any]) -> str:
    """The text, without the fence and the talk that models put around one."""
    growing, stream, said = call.begin(), Unfenced(), list[str]()
    try:
        async for piece in pieces(call, asked):
            said.append(piece)
            growing.add(stream.feed(piece))
        growing.add(stream.end())
    finally:
        call.end(growing)
    return whole("".join(said))


async def kept(call: Call, plan: Plan, seen: Held | None, text: str, *, incomplete: bool = False) -> dict[str, Any]:
    """Puts a text on the shelf: as another version of what was seen, or as an artifact of its own. Where it is read
    first, it is only handed on. One that was cut is `incomplete`, which its version's note and the call's result say.
    """
    incomplete = incomplete or call.cut
    if not call.heard:
        return {"unheard": Unheard(text=text, edited=call.tool == EDIT, incomplete=incomplete)}
    note = f"{plan['note']}{_INCOMPLETE}" if incomplete else plan["note"]
    try:
        held = await _shelved(call.runtime.context.desk, plan, seen, text, note)
    except (NoText, TooLarge, Stale, UnknownArtifact) as error:
        call.runtime.stream_writer(Remark("artifact_not_kept", f"{error}."))
        gone = {"artifact": None} if isinstance(error, UnknownArtifact) else {}
        return {"messages": call.failed(f"{error}."), "unheard": None, "failed": str(error), **gone}
    more: dict[str, Any] = {"conflicts": held.version.conflicts} if held.version.conflicts else {}
    if incomplete:
        more["incomplete"] = True
    shortfall = _shortfall(seen, held)
    if shortfall is not None:
        call.runtime.stream_writer(shortfall)
    told = shortfall.message if shortfall else ""
    return {"messages": call.done(ref(held), **more), "artifact": ref(held), "unheard": None, "shortfall": told}


def _shortfall(seen: Held | None, held: Held) -> Remark | None:
    """What a version lacks of what was asked for."""
    if seen is not None and held.version.number == seen.version.number:
        return Remark("unchanged", "The text was not changed: what was written is what it says already.")
    if held.version.conflicts:
        return Remark(
            "conflict",
            f"Others changed the same lines meanwhile: both are kept in {held.version.conflicts} "
            "places, between conflict marks, to be chosen from.",
        )
    return None


def lost(runtime: Runtime[RunContext], error: UnknownArtifact) -> dict[str, Any]:
    """An artifact that was deleted while it was worked on."""
    runtime.stream_writer(Remark("artifact_not_kept", f"{error}."))
    return {"failed": str(error), "artifact": None, "unheard": None}


def is_incomplete(held: Held) -> bool:
    """Return whether a version says of itself that its text was cut."""
    return held.version.note.endswith(_INCOMPLETE)


async def _shelved(desk: Desk, plan: Plan, seen: Held | None, text: str, note: str) -> Held:
    if not text.strip():
        raise NoText(_NOTHING)
    if seen is not None:
        language = plan["language"] if plan["language"] != seen.artifact.language else None
        return await desk.write(seen, text, note, language)
    name = plan["name"] or _name(text, plan)
    return await desk.create(name, plan["kind"], plan["language"], text, note)


def _name(text: str, plan: Plan) -> str:
    """Of the first words, where the model gave none."""
    first = next((line for line in text.splitlines() if line.strip(" #*`<>/-=\t")), "")
    words = " ".join(first.strip(" #*`<>/-=\t").split())[:_LONGEST_NAME]
    return words if plan["kind"] == "markdown" and words else plan["kind"].capitalize()


def told(plan: Plan) -> dict[str, str | int | None]:
    known: dict[str, str | int | None] = {"name": plan["name"], "kind": plan["kind"], "language": plan["language"]}
    return known if plan["new"] else {"artifact": plan["artifact"], "version": plan["version"], **known}
