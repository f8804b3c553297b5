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
  { seconds: 0, label: "until I revoke it" },
  { seconds: DAY, label: "for a day" },
  { seconds: 7 * DAY, label: "for a week" },
  { seconds: 30 * DAY, label: "for 30 days" },
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
      <p className="soft">Whoever has the link can read it, without an account.</p>
      <form className="fields" onSubmit={create}>
        <label>
          What it shows
          <select value={fixed ? "fixed" : "current"} onChange={({ target }) => setFixed(target.value === "fixed")}>
            <option value="current">the current version</option>
            <option value="fixed">version {version} only</option>
          </select>
        </label>
        <label>
          How long it holds
          <select value={seconds} onChange={({ target }) => setSeconds(Number(target.value))}>
            {LASTING.map((each) => (
              <option key={each.seconds} value={each.seconds}>
                {each.label}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={busy}>
          Make a link
        </button>
      </form>
      {made !== null && <Link made={made} />}
      {failure !== null && <Trouble failure={failure} />}
      {shares !== null && shares.length > 0 && (
        <>
          <h3>Links that are good</h3>
          <ul className="rows">
            {shares.map((share) => (
              <li key={share.shareId}>
                <span>
                  {share.version === undefined ? "Current version" : `Version ${share.version}`}
                  <span className="line soft">
                    made {moment(share.createdAt)}
                    {share.expiresAt !== undefined && `, until ${moment(share.expiresAt)}`}
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
      setCopied("Copy it by hand: the browser does not let the page");
    }
  };
  return (
    <div className="link">
      <label>
        The link, shown this once
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
