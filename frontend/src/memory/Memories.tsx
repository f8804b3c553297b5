import { useCallback, useEffect, useState } from "react";
import type { FormEvent } from "react";

import { useAttempt } from "../canvas/attempt";
import { Dialog } from "../canvas/Dialog";
import { Trouble } from "../canvas/Trouble";
import { moment } from "../canvas/words";
import { addMemory, changeMemory, deleteMemory, listMemories } from "./memories";
import type { Memory, MemoryKind } from "./memories";
import "../canvas/canvas.css";

/** What agents remember of the person: to be seen, changed, added to and forgotten. */
export default function Memories({ onClose }: { onClose: () => void }) {
  const [memories, setMemories] = useState<readonly Memory[] | null>(null);
  const [next, setNext] = useState<string | undefined>();
  const { failure, attempt } = useAttempt();

  const load = useCallback(
    (cursor?: string) =>
      void attempt(async () => {
        const page = await listMemories(cursor);
        setMemories((known) => (cursor === undefined || known === null ? page.items : [...known, ...page.items]));
        setNext(page.nextCursor);
      }),
    [attempt],
  );
  useEffect(() => load(), [load]);

  const put = (memory: Memory): void =>
    setMemories((known) => (known ?? []).map((each) => (each.memoryId === memory.memoryId ? memory : each)));
  const drop = (id: string): void => setMemories((known) => (known ?? []).filter(({ memoryId }) => memoryId !== id));

  return (
    <Dialog title="Memory" onClose={onClose}>
      <p className="soft">The canvas uses these notes. You can edit or delete them.</p>
      <Adding onAdded={(memory) => setMemories((known) => [memory, ...(known ?? [])])} />
      {failure !== null && <Trouble failure={failure} onRetry={() => load(next)} />}
      {memories?.length === 0 && <p className="soft">No notes yet.</p>}
      <ul className="rows">
        {memories?.map((memory) => (
          <li key={memory.memoryId}>
            <Remembered memory={memory} onChanged={put} onForgotten={drop} />
          </li>
        ))}
      </ul>
      {next !== undefined && (
        <button type="button" className="quiet small" onClick={() => load(next)}>
          Show more
        </button>
      )}
    </Dialog>
  );
}

function Kinds({ kind, onKind }: { kind: MemoryKind; onKind: (kind: MemoryKind) => void }) {
  return (
    <select aria-label="Kind" value={kind} onChange={({ target }) => onKind(target.value as MemoryKind)}>
      <option value="style">Writing style</option>
      <option value="fact">About me</option>
    </select>
  );
}

function Adding({ onAdded }: { onAdded: (memory: Memory) => void }) {
  const [kind, setKind] = useState<MemoryKind>("style");
  const [text, setText] = useState("");
  const { busy, failure, attempt } = useAttempt();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (await attempt(async () => onAdded(await addMemory(kind, text.trim())))) setText("");
  };
  return (
    <form className="fields" onSubmit={(event) => void submit(event)}>
      <textarea
        aria-label="New note"
        rows={2}
        maxLength={2000}
        placeholder="New note, for example: I like short sentences."
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <Kinds kind={kind} onKind={setKind} />
      <button type="submit" disabled={busy || text.trim() === ""}>
        Add
      </button>
      {failure !== null && <Trouble failure={failure} />}
    </form>
  );
}

interface RememberedProps {
  memory: Memory;
  onChanged: (memory: Memory) => void;
  onForgotten: (id: string) => void;
}

function Remembered({ memory, onChanged, onForgotten }: RememberedProps) {
  const { memoryId } = memory;
  const [editing, setEditing] = useState(false);
  const [kind, setKind] = useState(memory.kind);
  const [text, setText] = useState(memory.text);
  const { busy, failure, attempt } = useAttempt();

  const change = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (await attempt(async () => onChanged(await changeMemory(memoryId, kind, text.trim())))) setEditing(false);
  };
  const forget = async (): Promise<void> => {
    if (await attempt(() => deleteMemory(memoryId))) onForgotten(memoryId);
  };

  if (editing) {
    return (
      <form className="fields" onSubmit={(event) => void change(event)}>
        <textarea
          aria-label="Note"
          rows={2}
          maxLength={2000}
          autoFocus
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <Kinds kind={kind} onKind={setKind} />
        <span className="actions">
          <button type="submit" disabled={busy || text.trim() === ""}>
            Save
          </button>
          <button type="button" className="quiet" onClick={() => setEditing(false)}>
            Cancel
          </button>
        </span>
        {failure !== null && <Trouble failure={failure} />}
      </form>
    );
  }
  return (
    <>
      <span>
        {memory.text}
        <span className="line soft">
          {memory.kind === "style" ? "Writing style" : "About you"} ·{" "}
          {memory.runId === undefined ? "added by you" : "learned"} {moment(memory.createdAt)}
        </span>
        {failure !== null && <Trouble failure={failure} />}
      </span>
      <span className="actions">
        <button type="button" className="quiet small" onClick={() => setEditing(true)}>
          Edit
        </button>
        <button type="button" className="quiet small" disabled={busy} onClick={() => void forget()}>
          Delete
        </button>
      </span>
    </>
  );
}
