import { memo } from "react";

import { about, counted, said, spent } from "./reviews";
import type { Finding, Review } from "./reviews";

interface Props {
  review: Review;
  /** More of it may come. */
  live: boolean;
}

/** How far the reading of an answer is, then what came of it. */
export const Verdict = memo(function Verdict({ review, live }: Props) {
  const { stage, verdict } = review;
  const findings = verdict?.findings ?? [];
  const cost = spent(review);
  return (
    <div className={`verdict ${verdict?.outcome ?? ""}`}>
      {/* One element for all stages: only what changes in a place that was there is read out. */}
      <p aria-live="polite" className={live && stage !== "done" ? "pulse" : undefined}>
        {said(review, live)}
      </p>
      {findings.length > 0 && (
        <details>
          <summary>{counted(findings)}</summary>
          <ul>
            {findings.map((finding, index) => (
              <li key={index}>
                <Found finding={finding} />
              </li>
            ))}
          </ul>
        </details>
      )}
      {cost !== null && <p className="spent">{cost}</p>}
    </div>
  );
});

function Found({ finding }: { finding: Finding }) {
  const { severity, message, quote } = finding;
  return (
    <>
      <p>
        <strong className={severity}>{about(finding)}:</strong> {message}
      </p>
      {quote !== null && <blockquote>{quote}</blockquote>}
    </>
  );
}
