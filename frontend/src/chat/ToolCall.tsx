import { memo } from "react";

import type { Entry } from "./entries";

interface Props {
  call: Extract<Entry, { kind: "tool" }>;
  running: boolean;
}

export const ToolCall = memo(function ToolCall({ call, running }: Props) {
  return (
    <details className="aside">
      <summary>
        <code>{call.name}</code> <span className="state">{stateOf(call, running)}</span>
      </summary>
      <dl>
        <dt>Arguments</dt>
        <dd>
          <pre tabIndex={0}>{readable(call.args)}</pre>
        </dd>
        {call.result !== undefined && (
          <>
            <dt>Result</dt>
            <dd>
              <pre tabIndex={0}>{readable(call.result)}</pre>
            </dd>
          </>
        )}
        {call.error !== undefined && (
          <>
            <dt>Error</dt>
            <dd>
              <pre tabIndex={0}>{call.error}</pre>
            </dd>
          </>
        )}
      </dl>
    </details>
  );
});

function stateOf(call: Props["call"], running: boolean): string {
  if (call.error !== undefined) return "failed";
  if (call.result !== undefined) return "done";
  return running ? "running…" : "no result";
}

/** Indented where it is complete JSON; as it came where it is not, or not yet. */
function readable(text: string): string {
  if (text === "") return "none";
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
