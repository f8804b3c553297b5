import type { RunErrorEvent } from "@ag-ui/client";

/** What went wrong, in words for the reader of the page. */
export interface Failure {
  title: string;
  detail: string;
  fields: readonly { field: string; message: string }[];
  code?: string;
}

/** An answer outside 2xx. `payload` is the body: text, or parsed where it was JSON. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly payload: unknown,
  ) {
    super(`HTTP ${status}`);
  }
}

/** An error that already says what the reader of the page is to see. */
export class FailureError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.detail);
  }
}

export const cutOff: Failure = {
  title: "The answer is incomplete",
  detail: "The connection was lost before the answer was complete.",
  fields: [],
};

export function failureOfRun(event: RunErrorEvent): Failure {
  const failure = { title: "The answer failed", detail: event.message, fields: [] };
  return event.code === undefined ? failure : { ...failure, code: event.code };
}

export function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  if (isRefused(error)) return failureOfResponse(error.status, error.payload);
  // The one kind of error that `fetch` and a broken stream give.
  if (error instanceof TypeError) {
    return {
      title: "The server cannot be reached",
      detail: "Check your connection, then try again.",
      fields: [],
    };
  }
  return {
    title: "Unexpected response",
    detail: error instanceof Error ? error.message : String(error),
    fields: [],
  };
}

/** True for our own `Refused` and for the error of the AG-UI client, which has the same two fields. */
function isRefused(error: unknown): error is Pick<Refused, "status" | "payload"> {
  return error instanceof Error && "status" in error && typeof error.status === "number";
}

/** RFC 9457 where the body is one; a proxy on the way may have answered with anything else. */
function failureOfResponse(status: number, payload: unknown): Failure {
  const problem = parsedObject(payload);
  const title = text(problem?.title) ?? `The server returned an error (${status})`;
  const detail = text(problem?.detail) ?? "The server gave no details.";
  const errors = Array.isArray(problem?.errors) ? problem.errors : [];
  const fields = errors.map((error: { field?: unknown; message?: unknown }) => ({
    field: String(error.field ?? ""),
    message: String(error.message ?? ""),
  }));
  const code = text(problem?.code);
  return code === undefined ? { title, detail, fields } : { title, detail, fields, code };
}

function parsedObject(payload: unknown): Record<string, unknown> | undefined {
  let value = payload;
  if (typeof value === "string") {
    try {
      value = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
