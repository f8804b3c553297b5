import { memo, useId, useRef, useState, useSyncExternalStore } from "react";
import type { FormEvent, RefObject } from "react";

import { useAttempt } from "../canvas/attempt";
import { FailureNotice } from "./FailureNotice";
import { sayAgain } from "./opinions";
import type { Opinion, Opinions, Thumb } from "./opinions";
import { sendOnEnter } from "./sending";

interface Props {
  opinions: Opinions;
  answer: string;
}

/** What a person thinks of an answer, and whether that is kept. */
export const Thumbs = memo(function Thumbs({ opinions, answer }: Props) {
  const said = useSyncExternalStore(opinions.subscribe, () => opinions.of(answer));
  const draft = useSyncExternalStore(opinions.subscribe, () => opinions.draftOf(answer));
  // Whoever asks for the field wants to write in it; where it is offered, nobody is taken there.
  const [commenting, setCommenting] = useState<"offered" | "asked" | null>(null);
  const [news, setNews] = useState("");
  const [last, setLast] = useState<Opinion | null>(null);
  const { busy, failure, attempt } = useAttempt();
  const down = useRef<HTMLButtonElement>(null);
  const open = said?.thumb === "down" && (commenting !== null || draft !== undefined);
  const words = draft ?? said?.comment ?? "";

  const put = async (opinion: Opinion | null): Promise<void> => {
    if (busy) return;
    setNews("");
    setLast(opinion);
    if (!(await attempt(() => (opinion === null ? opinions.takeBack(answer) : opinions.say(answer, opinion))))) return;
    setCommenting(opinion?.thumb === "down" && opinion.comment === undefined ? "offered" : null);
    setNews(opinion === null ? "Removed" : opinion.comment === undefined ? "Thanks!" : "Thanks! Comment saved");
    if (opinion?.comment !== undefined && opinions.draftOf(answer) === undefined) down.current?.focus();
  };

  const press = (thumb: Thumb): void => void put(said?.thumb === thumb ? null : { thumb });

  return (
    <div className="thumbs">
      <div role="group" aria-label="Rate this answer">
        <Toggle thumb="up" said={said} onPress={press} />
        <Toggle thumb="down" said={said} onPress={press} button={down} />
        <span className="news" role="status">
          {news}
        </span>
        {said?.thumb === "down" && !open && (
          <button type="button" className="word" onClick={() => setCommenting("asked")}>
            {said.comment === undefined ? "Add a comment" : "Edit comment"}
          </button>
        )}
      </div>
      {open && (
        <Comment
          asked={commenting === "asked"}
          words={words}
          onWrite={(written) => opinions.draft(answer, written)}
          onSend={(comment) => void put({ thumb: "down", comment })}
          onLeave={() => {
            opinions.dropDraft(answer);
            setCommenting(null);
            down.current?.focus();
          }}
        />
      )}
      {failure !== null && (
        <FailureNotice failure={failure} onRetry={() => void put(sayAgain(last, open ? words : null))} />
      )}
    </div>
  );
});

const NAMES: Record<Thumb, string> = { up: "Good answer", down: "Bad answer" };

interface ToggleProps {
  thumb: Thumb;
  said: Opinion | undefined;
  onPress: (thumb: Thumb) => void;
  button?: RefObject<HTMLButtonElement | null>;
}

function Toggle({ thumb, said, onPress, button }: ToggleProps) {
  return (
    <button
      ref={button}
      type="button"
      className={`thumb ${thumb}`}
      aria-label={NAMES[thumb]}
      title={NAMES[thumb]}
      aria-pressed={said?.thumb === thumb}
      onClick={() => onPress(thumb)}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M7 10.5v9.5H4a1 1 0 0 1-1-1v-7.5a1 1 0 0 1 1-1h3Zm0 0 4.2-7.1a2 2 0 0 1 2.9 2.3L13.2 9H19a2 2 0 0 1 2 2.4l-1.4 7A2 2 0 0 1 17.6 20H7" />
      </svg>
    </button>
  );
}

// What the server takes.
const LONGEST = 4000;

interface CommentProps {
  asked: boolean;
  words: string;
  onWrite: (words: string) => void;
  onSend: (comment: string) => void;
  onLeave: () => void;
}

function Comment({ asked, words, onWrite, onSend, onLeave }: CommentProps) {
  const id = useId();
  const text = words.trim();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text !== "") onSend(text);
  };
  return (
    <form className="comment" onSubmit={submit}>
      <label htmlFor={id}>What was wrong? (optional)</label>
      <textarea
        id={id}
        rows={2}
        autoFocus={asked}
        maxLength={LONGEST}
        enterKeyHint="send"
        value={words}
        onChange={({ target }) => onWrite(target.value)}
        onKeyDown={sendOnEnter}
      />
      <p>
        <button type="submit" disabled={text === ""}>
          Send
        </button>
        <button type="button" className="quiet" onClick={onLeave}>
          Cancel
        </button>
      </p>
    </form>
  );
}
