import { useEffect, useState } from "react";

import { Answer } from "../chat/Answer";
import { readShared, sharedDownloadUrl, sharedPreviewUrl } from "./artifacts";
import type { Shared } from "./artifacts";
import { useAttempt } from "./attempt";
import { described, previewOf } from "./kinds";
import { Preview, Reading } from "./Sheet";
import { Trouble } from "./Trouble";
import { moment } from "./words";
import "./canvas.css";

/** What a link shows to whoever has it. */
export default function SharedPage({ token }: { token: string }) {
  const [shared, setShared] = useState<Shared | null>(null);
  const { failure, attempt } = useAttempt();
  const load = (): void => void attempt(async () => setShared(await readShared(token)));
  useEffect(load, [token]);
  useEffect(() => {
    if (shared !== null) document.title = shared.name;
  }, [shared]);

  if (failure !== null) return <Trouble failure={failure} onRetry={load} />;
  if (shared === null) return <p className="soft loading">Loading…</p>;
  return (
    <main className="canvas shared">
      <header>
        <div className="bar">
          <h1>{shared.name}</h1>
          <a href={sharedDownloadUrl(token)} download>
            Download
          </a>
        </div>
        <p className="soft">
          {described(shared.kind, shared.language)} · version {shared.version} · saved {moment(shared.createdAt)}
        </p>
      </header>
      <div className="sheet">
        <Look shared={shared} token={token} />
      </div>
    </main>
  );
}

function Look({ shared, token }: { shared: Shared; token: string }) {
  const { kind, name, language, text } = shared;
  if (kind === "html" || kind === "svg") {
    return <iframe className="framed" sandbox="allow-scripts" title={name} src={sharedPreviewUrl(token)} />;
  }
  if (kind === "markdown") {
    return (
      <div className="rendered">
        <Answer text={text} />
      </div>
    );
  }
  if (previewOf[kind] !== undefined) return <Preview text={text} kind={kind} name={name} at={null} />;
  return <Reading text={text} sort={{ name, kind, language }} />;
}
