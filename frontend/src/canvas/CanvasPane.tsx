import { useCallback, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import type { FormEvent } from "react";

import type { Thread } from "../chat/thread";
import { AskBar } from "./AskBar";
import { bundleUrl, deleteArtifact, downloadUrl } from "./artifacts";
import { useAttempt } from "./attempt";
import type { CanvasView, Draft } from "./canvas";
import { Deeds } from "./Deeds";
import { deskOf } from "./desk";
import type { Desk, DeskView } from "./desk";
import { Dialog } from "./Dialog";
import { History } from "./History";
import { described, previewOf } from "./kinds";
import type { Kind } from "./kinds";
import type { Manuscript, Sight } from "./manuscript";
import { Menu } from "./Menu";
import { Sharing } from "./Sharing";
import { Editor, Growing, Preview } from "./Sheet";
import { Trouble } from "./Trouble";
import "./canvas.css";

interface Props {
  thread: Thread;
  onClose: () => void;
}

/** The text that the conversation is about, beside it. */
export default function CanvasPane({ thread, onClose }: Props) {
  const desk = deskOf(thread.id, thread.canvas);
  const view = useSyncExternalStore(thread.canvas.subscribe, thread.canvas.view);
  const open = useSyncExternalStore(desk.subscribe, desk.view);
  const { manuscript, failure } = open;
  const { watched, watch } = useWatching(view, manuscript);
  const heard = useHeard(view);

  return (
    <section className="canvas" aria-label="Canvas">
      {watched !== null ? (
        <Drafting draft={watched} cut={view.cut} onClose={onClose}>
          {view.cut && <Cut desk={desk} draft={watched} onDiscard={() => thread.canvas.discard()} />}
          {manuscript !== null && watched.artifact === manuscript.id && !view.drafted && (
            <button type="button" className="quiet small" onClick={() => watch(false)}>
              Back to my text
            </button>
          )}
        </Drafting>
      ) : manuscript !== null ? (
        <Opened
          key={manuscript.id}
          thread={thread}
          desk={desk}
          open={open}
          manuscript={manuscript}
          view={view}
          onClose={onClose}
        >
          {view.draft !== null && (
            <div className="slip">
              <p>The agent is writing a new version.</p>
              <button type="button" className="quiet small" onClick={() => watch(true)}>
                Watch
              </button>
            </div>
          )}
        </Opened>
      ) : (
        <>
          <header>
            <div className="bar">
              <h2>Canvas</h2>
              <Close onClose={onClose} />
            </div>
          </header>
          {failure === null && <p className="loading">{view.shown === null ? "No document is open." : "Loading…"}</p>}
        </>
      )}
      {failure !== null && (
        <Trouble failure={failure} onRetry={view.shown === null ? undefined : desk.retry} />
      )}
      <p className="unseen" role="status">
        {heard}
      </p>
    </section>
  );
}

/** The draft, where it is what is looked at: nobody who writes is taken away from it. */
function useWatching(view: CanvasView, manuscript: Manuscript | null) {
  const [choice, setChoice] = useState<{ call: string; on: boolean } | null>(null);
  const { draft } = view;
  const same = manuscript !== null && draft?.artifact === manuscript.id;
  if (draft !== null && choice?.call !== draft.call) {
    setChoice({ call: draft.call, on: !same || !isWriting(manuscript) });
  }
  const watch = useCallback((on: boolean) => setChoice((now) => now && { ...now, on }), []);
  return { watched: choice?.call === draft?.call && choice?.on === true ? draft : null, watch };
}

const isWriting = (manuscript: Manuscript): boolean => manuscript.changed || manuscript.view?.hasFocus === true;

/** What a screen reader hears of the agent's work: that it has begun, and what came of it. */
function useHeard({ draft, cut, edited, written }: CanvasView): string {
  const [heard, setHeard] = useState("");
  const begun = useRef(written);
  useEffect(() => {
    if (cut) setHeard("The draft is incomplete.");
    else if (draft !== null) setHeard("The agent is writing.");
    else if (edited !== null) setHeard("The agent is editing.");
    else if (written !== null && written !== begun.current) {
      setHeard(`Version ${written.version} of ${written.name} is ready.`);
    }
  }, [draft?.call, draft === null, cut, edited, written]);
  return heard;
}

function Close({ onClose }: { onClose: () => void }) {
  return (
    <button type="button" className="icon" aria-label="Close canvas" title="Close" onClick={onClose}>
      ✕
    </button>
  );
}

/** What was stopped is nobody's yet: it can be kept as it is. */
function Cut({ desk, draft, onDiscard }: { desk: Desk; draft: Draft; onDiscard: () => void }) {
  const { busy, failure, attempt } = useAttempt();
  return (
    <>
      <button type="button" className="small" disabled={busy} onClick={() => void attempt(() => desk.keep(draft))}>
        Keep draft
      </button>
      <button type="button" className="quiet small" onClick={onDiscard}>
        Discard
      </button>
      {failure !== null && <Trouble failure={failure} />}
    </>
  );
}

interface DraftingProps {
  draft: Draft;
  cut: boolean;
  onClose: () => void;
  children: React.ReactNode;
}

function Drafting({ draft, cut, onClose, children }: DraftingProps) {
  return (
    <>
      <header>
        <div className="bar">
          <h2>{draft.name === "" ? described(draft.kind, draft.language) : draft.name}</h2>
          <span className={cut ? "soft state" : "soft state pulse"}>{cut ? "Incomplete" : "Writing…"}</span>
          <Close onClose={onClose} />
        </div>
        <div className="bar tools">
          <span className="soft">{described(draft.kind, draft.language)}</span>
          {children}
        </div>
      </header>
      <div className="sheet">
        <Growing key={draft.call} draft={draft} />
      </div>
    </>
  );
}

interface OpenedProps {
  thread: Thread;
  desk: Desk;
  open: DeskView;
  manuscript: Manuscript;
  view: CanvasView;
  onClose: () => void;
  children: React.ReactNode;
}

type Asking = "share" | "delete" | null;

function Opened({ thread, desk, open, manuscript, view, onClose, children }: OpenedProps) {
  const sight = useSyncExternalStore(manuscript.subscribe, manuscript.sight);
  const running = useSyncExternalStore(thread.subscribe, thread.isRunning);
  const { artifact } = sight;
  const [preview, setPreview] = useState(artifact.kind !== "markdown" && previewOf[artifact.kind] !== undefined);
  const [history, setHistory] = useState(false);
  const [asking, setAsking] = useState<Asking>(null);
  const [renaming, setRenaming] = useState(false);
  const doing = useAttempt();

  const look = (previewed: boolean): void => {
    if (previewed) void manuscript.flush();
    setPreview(previewed);
    setHistory(false);
  };

  const ask = (text: string, action?: { name: string; value?: string }): void =>
    void doing.attempt(async () => {
      // Positions are of the text that the server has.
      if (!(await manuscript.flush())) return;
      const selection = preview || history ? null : manuscript.selection();
      const { version } = manuscript.sight().artifact;
      thread.send(text, {
        artifactId: manuscript.id,
        version,
        ...(selection === null ? {} : { selection }),
        ...(action === undefined ? {} : { action }),
      });
    });

  const destroy = async (): Promise<void> => {
    const gone = await doing.attempt(() => deleteArtifact(manuscript.id));
    setAsking(null);
    if (gone) desk.forget(manuscript.id);
  };

  return (
    <>
      <header>
        <div className="bar">
          {renaming ? (
            <Renaming manuscript={manuscript} name={artifact.name} onDone={() => setRenaming(false)} />
          ) : (
            <Title open={open} sight={sight} onChosen={(id) => thread.canvas.show(id)} />
          )}
          <Kept sight={sight} />
          <Menu label="More" face="⋯">
            {(close) => (
              <>
                <Item close={close} onClick={() => setRenaming(true)}>
                  Rename
                </Item>
                <Item close={close} onClick={() => setAsking("share")}>
                  Share…
                </Item>
                <a className="item" href={downloadUrl(manuscript.id)} download onClick={close}>
                  Download
                </a>
                <a className="item" href={bundleUrl(thread.id)} download onClick={close}>
                  Download all (ZIP)
                </a>
                <Item close={close} onClick={() => setAsking("delete")}>
                  Delete…
                </Item>
              </>
            )}
          </Menu>
          <Close onClose={onClose} />
        </div>
        <div className="bar tools">
          <Modes kind={artifact.kind} preview={preview} history={history} onLook={look} />
          <Deeds kind={artifact.kind} selected={sight.selected && !preview} running={running} onDeed={ask} />
          <button
            type="button"
            className="quiet small"
            disabled={artifact.versions < 2 || doing.busy || running}
            title="Restore the previous version"
            onClick={() => void doing.attempt(() => manuscript.undo())}
          >
            Undo
          </button>
          <button
            type="button"
            className="quiet small"
            title="Show all versions"
            aria-pressed={history}
            onClick={() => setHistory(!history)}
          >
            Version {artifact.version}
          </button>
        </div>
      </header>
      {view.edited === manuscript.id && (
        <div className="slip">
          <p className="pulse">The agent is editing this document. You can keep typing.</p>
        </div>
      )}
      {children}
      {sight.failure !== null && <Trouble failure={sight.failure} onRetry={() => void manuscript.flush()} />}
      {doing.failure !== null && <Trouble failure={doing.failure} onDismiss={doing.forgive} />}
      {sight.note !== null && (
        <div className="slip" role="status">
          <p>{sight.note}</p>
          {sight.conflicted && !preview && !history && (
            <button type="button" className="quiet small" onClick={() => manuscript.showConflict()}>
              Show conflict
            </button>
          )}
          <button type="button" className="quiet small" onClick={() => manuscript.dismiss()}>
            Dismiss
          </button>
        </div>
      )}
      {history ? (
        <History manuscript={manuscript} sight={sight} preview={preview} onClose={() => setHistory(false)} />
      ) : (
        <div className="sheet">
          {preview ? (
            <Preview
              text={manuscript.text()}
              kind={artifact.kind}
              name={artifact.name}
              at={{ id: manuscript.id, version: artifact.version }}
            />
          ) : (
            <Editor manuscript={manuscript} />
          )}
          {!preview && sight.selected && <AskBar manuscript={manuscript} running={running} onAsk={ask} />}
        </div>
      )}
      {asking === "share" && <Sharing artifact={artifact} onClose={() => setAsking(null)} />}
      {asking === "delete" && (
        <Dialog title={`Delete “${artifact.name}”?`} onClose={() => setAsking(null)}>
          <p>This also deletes all versions and shared links. It cannot be undone.</p>
          <p className="actions">
            <button type="button" className="grave" disabled={doing.busy} onClick={() => void destroy()}>
              Delete
            </button>
            <button type="button" className="quiet" autoFocus onClick={() => setAsking(null)}>
              Cancel
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}

function Item({ close, onClick, children }: { close: () => void; onClick: () => void; children: string }) {
  const choose = (): void => {
    close();
    onClick();
  };
  return (
    <button type="button" className="item" onClick={choose}>
      {children}
    </button>
  );
}

function Title({ open, sight, onChosen }: { open: DeskView; sight: Sight; onChosen: (id: string) => void }) {
  const { artifactId, name } = sight.artifact;
  if (open.artifacts.length < 2) return <h2>{name}</h2>;
  return (
    <h2>
      <select
        className="titles"
        aria-label="Document"
        value={artifactId}
        onChange={({ target }) => onChosen(target.value)}
      >
        {open.artifacts.map((each) => (
          <option key={each.artifactId} value={each.artifactId}>
            {each.artifactId === artifactId ? name : each.name}
          </option>
        ))}
      </select>
    </h2>
  );
}

function Renaming({ manuscript, name, onDone }: { manuscript: Manuscript; name: string; onDone: () => void }) {
  const [words, setWords] = useState(name);
  const { busy, failure, attempt } = useAttempt();
  const id = useId();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (await attempt(() => manuscript.rename(words))) onDone();
  };
  return (
    <form className="renaming" onSubmit={(event) => void submit(event)}>
      <label className="unseen" htmlFor={id}>
        Name
      </label>
      <input
        id={id}
        value={words}
        autoFocus
        required
        maxLength={200}
        onFocus={({ target }) => target.select()}
        onChange={({ target }) => setWords(target.value)}
        onKeyDown={({ key }) => key === "Escape" && onDone()}
      />
      <button type="submit" className="small" disabled={busy || words.trim() === ""}>
        Rename
      </button>
      {failure !== null && <Trouble failure={failure} />}
    </form>
  );
}

const KEPT = { kept: "Saved", changed: "Unsaved changes", keeping: "Saving…", failed: "Not saved" };

function Kept({ sight }: { sight: Sight }) {
  return <span className={sight.keeping === "failed" ? "alarm state" : "soft state"}>{KEPT[sight.keeping]}</span>;
}

interface ModesProps {
  kind: Kind;
  preview: boolean;
  history: boolean;
  onLook: (preview: boolean) => void;
}

function Modes({ kind, preview, history, onLook }: ModesProps) {
  const other = previewOf[kind];
  if (other === undefined) return null;
  return (
    <div className="switch" role="group" aria-label="View">
      <button type="button" aria-pressed={!preview && !history} onClick={() => onLook(false)}>
        Edit
      </button>
      <button type="button" aria-pressed={preview && !history} onClick={() => onLook(true)}>
        {other}
      </button>
    </div>
  );
}
