import { useLayoutEffect, useRef, useState } from "react";
import type { FormEvent, KeyboardEvent } from "react";

import type { Manuscript } from "./manuscript";

interface Props {
  manuscript: Manuscript;
  running: boolean;
  onAsk: (text: string) => void;
}

const GAP = 8;

/** Below what is selected: what is to become of it. */
export function AskBar({ manuscript, running, onAsk }: Props) {
  const [words, setWords] = useState("");
  const bar = useRef<HTMLFormElement>(null);

  useLayoutEffect(() => {
    const view = manuscript.view;
    if (bar.current === null || view === null) return;
    const form = bar.current;
    const place = (): void => {
      view.requestMeasure({
        key: form,
        read: () => ({
          selection: view.coordsAtPos(view.state.selection.main.to),
          around: form.offsetParent?.getBoundingClientRect(),
        }),
        write: ({ selection, around }) => {
          if (around === undefined) return;
          const wanted = selection === null ? around.height : selection.bottom - around.top + GAP;
          const room = around.height - form.offsetHeight - GAP;
          form.style.top = `${Math.max(GAP, Math.min(wanted, room))}px`;
        },
      });
    };
    place();
    const leave = manuscript.subscribe(place);
    view.scrollDOM.addEventListener("scroll", place, { passive: true });
    return () => {
      leave();
      view.scrollDOM.removeEventListener("scroll", place);
    };
  }, [manuscript]);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (running || words.trim() === "") return;
    onAsk(words.trim());
    setWords("");
    manuscript.view?.focus();
  };

  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    manuscript.view?.focus();
  };

  return (
    <form ref={bar} className="ask" onSubmit={submit} onKeyDown={onKey}>
      <label className="unseen" htmlFor="change">
        Change the selected text
      </label>
      <input
        id="change"
        value={words}
        placeholder={running ? "The agent is answering…" : "Describe a change"}
        onChange={({ target }) => setWords(target.value)}
      />
      <button type="submit" className="small" disabled={running || words.trim() === ""}>
        Ask
      </button>
    </form>
  );
}
