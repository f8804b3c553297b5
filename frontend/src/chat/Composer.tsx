import { useLayoutEffect } from "react";
import type { FormEvent, RefObject } from "react";

import { sendOnEnter } from "./sending";

interface Props {
  field: RefObject<HTMLTextAreaElement | null>;
  draft: string;
  running: boolean;
  /** Why nothing can be sent at the moment; null where it can. */
  hindrance: string | null;
  onDraft: (text: string) => void;
  onSend: (text: string) => void;
  onStop: () => void;
}

export function Composer({ field, draft, running, hindrance, onDraft, onSend, onStop }: Props) {
  const text = draft.trim();
  const ready = hindrance === null && !running && text !== "";

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (ready) onSend(text);
  };

  useLayoutEffect(() => {
    const area = field.current;
    if (area === null) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
  }, [field, draft]);

  return (
    <form className="composer" onSubmit={submit}>
      <label className="unseen" htmlFor="message">
        Message
      </label>
      <textarea
        ref={field}
        id="message"
        rows={1}
        autoFocus
        enterKeyHint="send"
        placeholder={hindrance ?? "Write a message"}
        value={draft}
        onChange={({ target }) => onDraft(target.value)}
        onKeyDown={sendOnEnter}
      />
      {running ? (
        <button key="stop" type="button" className="stop" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button key="send" type="submit" disabled={!ready}>
          Send
        </button>
      )}
    </form>
  );
}
