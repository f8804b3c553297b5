import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { newThread, threadOfAddress } from "./address";
import { Choices } from "./Choices";
import { Composer } from "./Composer";
import { Conversation } from "./Conversation";
import { FailureNotice } from "./FailureNotice";
import { useOffer } from "./offer";
import type { Offer } from "./offer";
import type { Thread } from "./thread";

export function Chat() {
  const { offer, failure, ask } = useOffer();
  const [thread, setThread] = useState(threadOfAddress);
  const [draft, setDraft] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);

  const running = useSyncExternalStore(thread.subscribe, thread.isRunning);
  const agentId = useSyncExternalStore(thread.subscribe, () => thread.view().agentId);
  const model = useSyncExternalStore(thread.subscribe, () => thread.view().model);
  const begun = useSyncExternalStore(thread.subscribe, () => thread.view().entries.length > 0);
  const asked = useSyncExternalStore(thread.subscribe, () => thread.view().interrupts.length > 0);

  const agent = offer?.agents.find(({ id }) => id === agentId);

  useThreadsInAddress(thread, setThread);

  useEffect(() => {
    if (offer === null || agentId !== "") return;
    const first = offer.agents.find(({ available }) => available);
    if (first !== undefined) thread.choose({ agentId: first.id });
  }, [offer, agentId, thread]);

  const startNew = (withAgent: string): void => {
    thread.stop();
    setThread(newThread(withAgent, model));
  };

  const chooseAgent = (chosen: string): void => {
    if (begun) startNew(chosen);
    else thread.choose({ agentId: chosen });
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
            startNew(agentId);
            field.current?.focus();
          }}
        >
          New chat
        </button>
        <Choices
          agents={offer?.agents ?? []}
          models={offer?.models ?? []}
          agentId={agentId}
          model={model}
          begun={begun}
          onAgent={chooseAgent}
          onModel={(spec) => thread.choose({ model: spec })}
        />
      </header>
      <main>
        {!begun && failure === null && (
          <div className="greeting">
            <h2>{agent?.name}</h2>
            <p>{agent?.description}</p>
          </div>
        )}
        <Conversation key={thread.id} thread={thread} onRetry={retry} onEdit={edit} onReply={reply} />
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
    </>
  );
}

/** The way back and forth changes the thread; a page that is left keeps what has arrived. */
function useThreadsInAddress(thread: Thread, setThread: (thread: Thread) => void): void {
  useEffect(() => {
    const onPop = (): void => {
      thread.stop();
      setThread(threadOfAddress());
    };
    const onLeave = (): void => thread.leave();
    addEventListener("popstate", onPop);
    addEventListener("pagehide", onLeave);
    return () => {
      removeEventListener("popstate", onPop);
      removeEventListener("pagehide", onLeave);
    };
  }, [thread, setThread]);
}

function hindranceIn(offer: Offer | null, agentId: string): string | null {
  if (offer === null) return "Waiting for the server…";
  return agentId === "" ? "No agent is available" : null;
}
