import { useCallback, useEffect, useState } from "react";

import { listVersions, readDifference, readVersion } from "./artifacts";
import type { Difference, Version } from "./artifacts";
import { useAttempt } from "./attempt";
import type { Manuscript, Sight } from "./manuscript";
import { Preview, Reading } from "./Sheet";
import { Trouble } from "./Trouble";
import { moment } from "./words";

interface Props {
  manuscript: Manuscript;
  sight: Sight;
  preview: boolean;
  onClose: () => void;
}

type Looking = "text" | "before" | "now";

/** The versions of an artifact: what each says, what it changed, and the way back to it. */
export function History({ manuscript, sight, preview, onClose }: Props) {
  const { artifact } = sight;
  const { versions, more, failure, retry } = useVersions(manuscript.id, artifact.version);
  const [chosen, setChosen] = useState(artifact.version);
  const [wanted, setLooking] = useState<Looking>("before");
  const restoring = useAttempt();
  const version = versions.find((each) => each.version === chosen);
  const current = chosen === artifact.version;
  const before = version?.parent ?? (chosen > 1 ? chosen - 1 : undefined);

  const possible = wanted === "before" ? before !== undefined : wanted === "text" || !current;
  const looking = possible ? wanted : "text";

  const restore = async (): Promise<void> => {
    if (await restoring.attempt(() => manuscript.restore(chosen))) onClose();
  };

  return (
    <div className="history">
      <nav aria-label="Versions">
        <ol>
          {versions.map((each) => (
            <li key={each.version}>
              <button
                type="button"
                aria-current={each.version === chosen ? "true" : undefined}
                onClick={() => setChosen(each.version)}
              >
                <strong>Version {each.version}</strong>
                {each.version === artifact.version && <span className="soft"> current</span>}
                <span className="line">{each.note === "" ? "No description" : each.note}</span>
                <span className="line soft">
                  {AUTHORS[each.author]} · {moment(each.createdAt)}
                </span>
                {each.conflicts > 0 && <span className="line alarm">contains conflicts</span>}
              </button>
            </li>
          ))}
        </ol>
        {more !== null && (
          <button type="button" className="quiet small" onClick={more}>
            Older versions
          </button>
        )}
        {failure !== null && <Trouble failure={failure} onRetry={retry} />}
      </nav>
      <div className="old">
        <div className="bar">
          <div className="switch" role="group" aria-label="Version view">
            <Way now={looking} way="text" onWay={setLooking}>
              Text
            </Way>
            <Way now={looking} way="before" onWay={setLooking} disabled={before === undefined}>
              Changes in this version
            </Way>
            <Way now={looking} way="now" onWay={setLooking} disabled={current}>
              Compare with current
            </Way>
          </div>
          {!current && (
            <button type="button" className="small" disabled={restoring.busy} onClick={() => void restore()}>
              Restore version {chosen}
            </button>
          )}
        </div>
        {restoring.failure !== null && <Trouble failure={restoring.failure} onDismiss={restoring.forgive} />}
        {looking === "before" && before !== undefined ? (
          <Changes id={manuscript.id} before={before} after={chosen} />
        ) : looking === "now" ? (
          <Changes id={manuscript.id} before={chosen} after={artifact.version} />
        ) : (
          <Old manuscript={manuscript} sight={sight} version={chosen} preview={preview} />
        )}
      </div>
    </div>
  );
}

const AUTHORS = { person: "You", agent: "Agent", tool: "Tool" };

interface WayProps {
  now: Looking;
  way: Looking;
  disabled?: boolean;
  onWay: (way: Looking) => void;
  children: string;
}

function Way({ now, way, disabled = false, onWay, children }: WayProps) {
  return (
    <button type="button" aria-pressed={now === way} disabled={disabled} onClick={() => onWay(way)}>
      {children}
    </button>
  );
}

function Old({ manuscript, sight, version, preview }: Omit<Props, "onClose"> & { version: number }) {
  const { id } = manuscript;
  const { value, failure, retry } = useFetched(() => readVersion(id, version), `${id} ${version}`);
  const { name, kind, language } = sight.artifact;
  if (failure !== null) return <Trouble failure={failure} onRetry={retry} />;
  if (value === null) return <p className="soft loading">Loading…</p>;
  return preview ? (
    <Preview text={value} kind={kind} name={name} at={{ id: manuscript.id, version }} />
  ) : (
    <Reading text={value} sort={{ name: `${name}, version ${version}`, kind, language }} />
  );
}

function Changes({ id, before, after }: { id: string; before: number; after: number }) {
  const { value, failure, retry } = useFetched<Difference>(
    () => readDifference(id, before, after),
    `${id} ${before} ${after}`,
  );
  if (failure !== null) return <Trouble failure={failure} onRetry={retry} />;
  if (value === null) return <p className="soft loading">Loading…</p>;
  const lines = value.unified.split("\n").slice(2, -1);
  return (
    <div className="changes" tabIndex={0} role="region" aria-label={`Changes from version ${before} to ${after}`}>
      <p className="soft">
        Version {before} → {after}: {counted(value.added, "added")}, {counted(value.removed, "removed")}
      </p>
      <div className="lines">
        {lines.map((line, index) => (
          <Line key={index} line={line} />
        ))}
        {lines.length === 0 && <p className="soft">No differences.</p>}
      </div>
    </div>
  );
}

const counted = (count: number, what: string): string => `${count} ${count === 1 ? "line" : "lines"} ${what}`;

function Line({ line }: { line: string }) {
  const rest = line.slice(1);
  switch (line[0]) {
    case "+":
      return (
        <ins>
          <span className="unseen">Added: </span>
          {rest}
        </ins>
      );
    case "-":
      return (
        <del>
          <span className="unseen">Removed: </span>
          {rest}
        </del>
      );
    case "@":
      return <span className="gap" aria-hidden="true" />;
    case "\\":
      return <span className="soft">{rest}</span>;
    default:
      return <span>{rest}</span>;
  }
}

function useVersions(id: string, current: number) {
  const [versions, setVersions] = useState<readonly Version[]>([]);
  const [next, setNext] = useState<string | undefined>();
  const { failure, attempt } = useAttempt();
  const load = useCallback(
    (cursor?: string) =>
      void attempt(async () => {
        const page = await listVersions(id, cursor);
        setVersions((known) => (cursor === undefined ? page.items : [...known, ...page.items]));
        setNext(page.nextCursor);
      }),
    [attempt, id],
  );
  useEffect(() => load(), [load, current]);
  return { versions, more: next === undefined ? null : () => load(next), failure, retry: () => load(next) };
}

/** What `fetched` gives, kept under its name. */
function useFetched<T>(fetched: () => Promise<T>, name: string) {
  const [got, setGot] = useState<Readonly<Record<string, T>>>({});
  const { failure, attempt } = useAttempt();
  const load = (): void =>
    void attempt(async () => {
      const value = await fetched();
      setGot((known) => ({ ...known, [name]: value }));
    });
  // The name says what is fetched.
  useEffect(load, [name]);
  return { value: got[name] ?? null, failure, retry: load };
}
