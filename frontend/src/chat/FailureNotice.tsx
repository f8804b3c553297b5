import type { Failure } from "../failure";

interface Props {
  failure: Failure;
  onRetry: () => void;
  onEdit?: (() => void) | undefined;
}

export function FailureNotice({ failure, onRetry, onEdit }: Props) {
  return (
    <div className="notice failure" role="alert">
      <p>
        <strong>{failure.title}</strong>
        {failure.code !== undefined && <code className="code">{failure.code}</code>}
      </p>
      <p>{failure.detail}</p>
      {failure.fields.length > 0 && (
        <ul>
          {failure.fields.map(({ field, message }) => (
            <li key={`${field} ${message}`}>
              <code>{field}</code> {message}
            </li>
          ))}
        </ul>
      )}
      <p className="actions">
        <button type="button" onClick={onRetry}>
          Try again
        </button>
        {onEdit !== undefined && (
          <button type="button" className="quiet" onClick={onEdit}>
            Edit message
          </button>
        )}
      </p>
    </div>
  );
}
