import { lazy, Suspense, useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { sharedToken } from "../canvas/shared";
import { newThread, threadOfAddress } from "./address";
import { among, withAgent } from "./choice";
import type { Choice } from "./choice";
import { Choices } from "./Choices";
import { Composer } from "./Composer";
import { Conversation } from "./Conversation";
import { FailureNotice } from "./FailureNotice";
import { useOffer } from "./offer";
import type { Offer } from "./offer";
import { slot } from "./shelf";
import type { Thread } from "./thread";

// The editor weighs as much as everything else: it comes when there is something to edit.
const CanvasPane = lazy(() => import("../canvas/CanvasPane"));
const Memories = lazy(() => import("../memory/Memories"));

export function Chat() {
  const { offer, failure, ask } = useOffer();
  const [thread, setThread] = useState(threadOfAddress);
  const [draft, setDraft] = useState("");
  const [remembering, setRemembering] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);

  const running = useSyncExternalStore(thread.subscribe, thread.isRunning);
  const choice = useSyncExternalStore(thread.subscribe, () => thread.view().choice);
  const begun = useSyncExternalStore(thread.subscribe, () => thread.view().entries.length > 0);
  const asked = useSyncExternalStore(thread.subscribe, () => thread.view().interrupts.length > 0);

  const canvas = useSyncExternalStore(thread.canvas.subscribe, thread.canvas.view);
  const onCanvas = canvas.shown !== null || canvas.draft !== null;

  const { agentId } = choice;
  const agent = offer?.agents.find(({ id }) => id === agentId);

  useThreadsInAddress(thread, setThread);

  useEffect(() => {
    if (offer === null) return;
    const next = among(offer.agents, choice);
    if (next !== choice) thread.choose(next);
  }, [offer, choice, thread]);

  const startNew = (next: Choice): void => {
    thread.stop();
    setThread(newThread(next));
  };

  const chooseAgent = (chosen: string): void => {
    const found = offer?.agents.find(({ id }) => id === chosen);
    if (found === undefined) return;
    const next = withAgent(choice, found);
    if (begun) startNew(next);
    else thread.choose(next);
  };

  const send = (text: string): void => {
    setDraft("");
    thread.send(text);
    field.current?.focus();
  };

  const stop = (): void => {
    thread.stop();
    field.current?.focus();
  };

  const retry = useCallback(() => {
    thread.retry();
    field.current?.focus();
  }, [thread]);

  const edit = useCallback(() => {
    setDraft(thread.takeBack());
    field.current?.focus();
  }, [thread]);

  const reply = useCallback(
    (answers: readonly string[] | null) => {
      thread.reply(answers);
      field.current?.focus();
    },
    [thread],
  );

  const show = useCallback(
    (artifact: string) => {
      thread.canvas.show(artifact);
      requestAnimationFrame(() => document.querySelector(".canvas")?.scrollIntoView({ block: "nearest" }));
    },
    [thread],
  );

  const closeCanvas = (): void => {
    thread.canvas.close();
    field.current?.focus();
  };

  return (
    <>
      <header className="side">
        <h1>Agenkit</h1>
        <a href="/docs">API reference</a>
        <button
          type="button"
          className="quiet new"
          disabled={!begun}
          onClick={() => {
            startNew(choice);
            field.current?.focus();
          }}
        >
          New chat
        </button>
        <button type="button" className="quiet" onClick={() => setRemembering(true)}>
          Memory
        </button>
        {onCanvas && !canvas.open && (
          <button type="button" className="quiet" onClick={() => thread.canvas.open()}>
            Open canvas
          </button>
        )}
        <Choices
          agents={offer?.agents ?? []}
          models={offer?.models ?? []}
          choice={choice}
          begun={begun}
          onAgent={chooseAgent}
          onModel={(model) => thread.choose({ model })}
          onQuality={(quality) => thread.choose({ quality })}
        />
      </header>
      <main>
        {!begun && failure === null && (
          <div className="greeting">
            <h2>{agent?.name}</h2>
            <p>{agent?.description}</p>
          </div>
        )}
        <Conversation key={thread.id} thread={thread} onRetry={retry} onEdit={edit} onReply={reply} onShow={show} />
        {failure !== null && <FailureNotice failure={failure} onRetry={ask} />}
        <Composer
          field={field}
          draft={draft}
          running={running}
          hindrance={asked ? "Answer the question first" : hindranceIn(offer, agentId)}
          onDraft={setDraft}
          onSend={send}
          onStop={stop}
        />
      </main>
      {canvas.open && (
        <Suspense
          fallback={
            <section className="canvas" aria-label="Canvas" aria-busy="true">
              <p className="loading">Loading the canvas…</p>
            </section>
          }
        >
          <CanvasPane key={thread.id} thread={thread} onClose={closeCanvas} />
        </Suspense>
      )}
      {remembering && (
        <Suspense>
          <Memories onClose={() => setRemembering(false)} />
        </Suspense>
      )}
    </>
  );
}

/** The way back and forth changes the thread; a page that is left keeps what has arrived. */
function useThreadsInAddress(thread: Thread, setThread: (thread: Thread) => void): void {
  useEffect(() => {
    const onPop = (): void => {
      // What somebody shares is another page at this address.
      if (sharedToken() !== null) return location.reload();
      thread.stop();
      setThread(threadOfAddress());
    };
    const onLeave = (): void => thread.leave();
    // Another tab has stored more of this thread, or this page comes back as it was left, which may be long ago.
    const onStorage = ({ key }: StorageEvent): void => {
      if (key === slot(thread.id)) void thread.refresh();
    };
    const onReturn = ({ persisted }: PageTransitionEvent): void => {
      if (persisted) void thread.refresh();
    };
    addEventListener("popstate", onPop);
    addEventListener("pagehide", onLeave);
    addEventListener("storage", onStorage);
    addEventListener("pageshow", onReturn);
    return () => {
      removeEventListener("popstate", onPop);
      removeEventListener("pagehide", onLeave);
      removeEventListener("storage", onStorage);
      removeEventListener("pageshow", onReturn);
    };
  }, [thread, setThread]);
}

function hindranceIn(offer: Offer | null, agentId: string): string | null {
  if (offer === null) return "Connecting to the server…";
  return agentId === "" ? "No agent is available" : null;
}
