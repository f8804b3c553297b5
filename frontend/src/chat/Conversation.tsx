import { memo, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { Answer } from "./Answer";
import { ArtifactCall, isOfArtifact } from "./ArtifactCall";
import { key, ratedIn } from "./entries";
import type { Entry } from "./entries";
import { FailureNotice } from "./FailureNotice";
import { useFollowing } from "./following";
import { InterruptForm } from "./InterruptForm";
import { Reasoning } from "./Reasoning";
import type { Thread, View } from "./thread";
import { Thumbs } from "./Thumbs";
import { ToolCall } from "./ToolCall";
import { Verdict } from "./Verdict";

interface Props {
  thread: Thread;
  onRetry: () => void;
  onEdit: () => void;
  onReply: (answers: readonly string[] | null) => void;
  onShow: (artifact: string) => void;
}

export const Conversation = memo(function Conversation({ thread, onRetry, onEdit, onReply, onShow }: Props) {
  const view = useSyncExternalStore(thread.subscribe, thread.view);
  const content = useRef<HTMLDivElement>(null);
  const { following, follow } = useFollowing(content);
  const spoken = useSpoken(view);
  const last = view.entries.at(-1);
  const rated = ratedIn(view.entries, view.running);
  const turn = view.entries.findLastIndex(({ kind }) => kind === "question" || kind === "reply");

  // Whoever sends something wants to see what comes of it.
  useEffect(() => {
    if (view.running) follow();
  }, [view.running, follow]);

  return (
    <>
      <section ref={content} className="conversation" aria-label="Conversation" aria-busy={view.running}>
        <ol>
          {view.entries.map((entry, at) => {
            const answer = rated.get(key(entry));
            return (
              <li key={key(entry)} className={entry.kind}>
                <Shown
                  entry={entry}
                  live={view.running && entry === last}
                  running={view.running && at > turn}
                  onShow={onShow}
                />
                {answer !== undefined && <Thumbs opinions={thread.opinions} answer={answer} />}
              </li>
            );
          })}
        </ol>
        {view.running && isWaiting(last) && (
          <p className="waiting" aria-hidden="true">
            <span /> <span /> <span />
          </p>
        )}
        {view.failure !== null && (
          <FailureNotice
            failure={view.failure}
            onRetry={onRetry}
            onEdit={view.editable ? onEdit : undefined}
          />
        )}
        {view.interrupts.length > 0 && (
          <InterruptForm
            key={view.interrupts.map(({ id }) => id).join(" ")}
            interrupts={view.interrupts}
            onReply={onReply}
          />
        )}
      </section>
      <p className="unseen" role="status">
        {spoken}
      </p>
      {!following && (
        <button type="button" className="latest" onClick={follow}>
          Latest ↓
        </button>
      )}
    </>
  );
});

interface ShownProps {
  entry: Entry;
  live: boolean;
  /** More may come of the turn that it belongs to. */
  running: boolean;
  onShow: (artifact: string) => void;
}

function Shown({ entry, live, running, onShow }: ShownProps) {
  switch (entry.kind) {
    case "question":
      return (
        <p>
          <span className="unseen">You: </span>
          {entry.text}
        </p>
      );
    case "answer":
      return <Answer text={entry.text} />;
    case "reasoning":
      return <Reasoning text={entry.text} live={live} />;
    case "tool": {
      const working = running && entry.result === undefined;
      if (isOfArtifact(entry.name)) return <ArtifactCall call={entry} running={working} onShow={onShow} />;
      return <ToolCall call={entry} running={working} />;
    }
    case "reply":
      return (
        <>
          <p className="asked">{entry.asked}</p>
          <p>{entry.declined ? <em>You cancelled.</em> : entry.text}</p>
        </>
      );
    case "review":
      return <Verdict review={entry.review} live={running} />;
    case "remark":
      return <p>{entry.text}</p>;
    case "stopped":
      return <p>Stopped</p>;
  }
}

/** Nothing is being written at this moment: the agent has yet to say its next word. */
function isWaiting(last: Entry | undefined): boolean {
  if (last?.kind === "review") return last.review.stage === "done";
  return last?.kind !== "answer" && last?.kind !== "reasoning";
}

/**
 * What a screen reader hears: that an answer has begun, then the answer as a whole. The text as it
 * streams would be read in crumbs. Failures and questions speak for themselves (alert, focus).
 */
function useSpoken({ running, entries, failure, interrupts }: View): string {
  const [spoken, setSpoken] = useState("");
  const wasRunning = useRef(false);
  useEffect(() => {
    if (running !== wasRunning.current) {
      // A review has spoken for itself.
      const last = entries.findLast(({ kind }) => kind !== "review");
      const heard = last?.kind === "answer" ? last.text : last?.kind === "stopped" ? "Stopped" : "";
      setSpoken(running ? "The agent is answering" : failure === null && interrupts.length === 0 ? heard : "");
    }
    wasRunning.current = running;
  }, [running, entries, failure, interrupts]);
  return spoken;
}
