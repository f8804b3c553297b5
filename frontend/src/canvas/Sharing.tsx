import { useCallback, useEffect, useState } from "react";
import type { FormEvent } from "react";

import { createShare, listShares, revokeShare } from "./artifacts";
import type { Artifact, Share, ShareMade } from "./artifacts";
import { useAttempt } from "./attempt";
import { Dialog } from "./Dialog";
import { sharedAddress } from "./shared";
import { Trouble } from "./Trouble";
import { moment } from "./words";

const DAY = 86_400;
const LASTING = [
  { seconds: 0, label: "Never" },
  { seconds: DAY, label: "In 1 day" },
  { seconds: 7 * DAY, label: "In 7 days" },
  { seconds: 30 * DAY, label: "In 30 days" },
];

/** Links that let anybody read an artifact: made, listed and revoked. */
export function Sharing({ artifact, onClose }: { artifact: Artifact; onClose: () => void }) {
  const { artifactId, version } = artifact;
  const [shares, setShares] = useState<readonly Share[] | null>(null);
  const [made, setMade] = useState<ShareMade | null>(null);
  const [fixed, setFixed] = useState(false);
  const [seconds, setSeconds] = useState(0);
  const { busy, failure, attempt } = useAttempt();

  const list = useCallback(async () => setShares(await listShares(artifactId)), [artifactId]);
  useEffect(() => void attempt(list), [attempt, list]);

  const create = (event: FormEvent): void => {
    event.preventDefault();
    void attempt(async () => {
      setMade(await createShare(artifactId, { ...(fixed ? { version } : {}), ...(seconds > 0 ? { seconds } : {}) }));
      await list();
    });
  };

  const revoke = (share: string): void =>
    void attempt(async () => {
      await revokeShare(artifactId, share);
      if (made?.shareId === share) setMade(null);
      await list();
    });

  return (
    <Dialog title={`Share “${artifact.name}”`} onClose={onClose}>
      <p className="soft">Anyone with the link can view this.</p>
      <form className="fields" onSubmit={create}>
        <label>
          Version
          <select value={fixed ? "fixed" : "current"} onChange={({ target }) => setFixed(target.value === "fixed")}>
            <option value="current">Latest version</option>
            <option value="fixed">Version {version} only</option>
          </select>
        </label>
        <label>
          Expires
          <select value={seconds} onChange={({ target }) => setSeconds(Number(target.value))}>
            {LASTING.map((each) => (
              <option key={each.seconds} value={each.seconds}>
                {each.label}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={busy}>
          Create link
        </button>
      </form>
      {made !== null && <Link made={made} />}
      {failure !== null && <Trouble failure={failure} />}
      {shares !== null && shares.length > 0 && (
        <>
          <h3>Active links</h3>
          <ul className="rows">
            {shares.map((share) => (
              <li key={share.shareId}>
                <span>
                  {share.version === undefined ? "Latest version" : `Version ${share.version}`}
                  <span className="line soft">
                    created {moment(share.createdAt)}
                    {share.expiresAt !== undefined && `, expires ${moment(share.expiresAt)}`}
                  </span>
                </span>
                <button type="button" className="quiet small" disabled={busy} onClick={() => revoke(share.shareId)}>
                  Revoke
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}

/** The link is told once: the server keeps only a digest of it. */
function Link({ made }: { made: ShareMade }) {
  const [copied, setCopied] = useState("");
  const address = sharedAddress(made.token);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(address);
      setCopied("Copied");
    } catch {
      setCopied("The browser blocked copying. Copy the link by hand.");
    }
  };
  return (
    <div className="link">
      <label>
        Copy this link now, it will not be shown again
        <input readOnly value={address} onFocus={({ target }) => target.select()} />
      </label>
      <button type="button" onClick={() => void copy()}>
        Copy
      </button>
      <span role="status" className="soft">
        {copied}
      </span>
    </div>
  );
}
