import { isInterruptExpired } from "@ag-ui/client";
import type { Interrupt } from "@ag-ui/client";
import { useState } from "react";
import type { FormEvent } from "react";

import { sendOnEnter } from "./sending";

interface Props {
  interrupts: readonly Interrupt[];
  onReply: (answers: readonly string[] | null) => void;
}

/** All open questions in one form: the protocol resumes a run with all of them or not at all. */
export function InterruptForm({ interrupts, onReply }: Props) {
  const [answers, setAnswers] = useState(() => interrupts.map(() => ""));
  const expired = interrupts.some((interrupt) => isInterruptExpired(interrupt));
  const complete = !expired && answers.every((answer) => answer.trim() !== "");

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (complete) onReply(answers.map((answer) => answer.trim()));
  };

  return (
    <form className="notice" aria-label="Question from the agent" onSubmit={submit}>
      {interrupts.map((interrupt, index) => (
        <label key={interrupt.id}>
          {interrupt.message ?? "The agent needs your answer to continue."}
          <textarea
            rows={2}
            autoFocus={index === 0}
            enterKeyHint="send"
            value={answers[index]}
            disabled={expired}
            onChange={({ target }) => setAnswers(answers.with(index, target.value))}
            onKeyDown={sendOnEnter}
          />
        </label>
      ))}
      {expired && <p>This question has expired. Cancel it to continue the conversation.</p>}
      <p className="actions">
        <button type="submit" disabled={!complete}>
          Answer
        </button>
        <button type="button" className="quiet" onClick={() => onReply(null)}>
          Cancel
        </button>
      </p>
    </form>
  );
}
