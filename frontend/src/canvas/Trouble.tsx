import type { Failure } from "../failure";

interface Props {
  failure: Failure;
  onRetry?: (() => void) | undefined;
  onDismiss?: (() => void) | undefined;
}

/** What went wrong, where it did. */
export function Trouble({ failure, onRetry, onDismiss }: Props) {
  const fields = failure.fields.map(({ message }) => message).join("; ");
  return (
    <div className="slip trouble" role="alert">
      <p>
        <strong>{failure.title}.</strong> {fields === "" ? failure.detail : `${fields}.`}
      </p>
      {onRetry !== undefined && (
        <button type="button" className="quiet small" onClick={onRetry}>
          Try again
        </button>
      )}
      {onDismiss !== undefined && (
        <button type="button" className="quiet small" onClick={onDismiss}>
          Dismiss
        </button>
      )}
    </div>
  );
}
