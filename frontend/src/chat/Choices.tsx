import type { Agent, Model } from "../api";
import { QUALITIES, qualityIn } from "./choice";
import type { Choice, Quality } from "./choice";

interface Props {
  agents: readonly Agent[];
  models: readonly Model[];
  choice: Choice;
  begun: boolean;
  onAgent: (agentId: string) => void;
  onModel: (spec: string) => void;
  onQuality: (quality: Quality) => void;
}

export function Choices({ agents, models, choice, begun, onAgent, onModel, onQuality }: Props) {
  const { agentId, model } = choice;
  const agent = agents.find(({ id }) => id === agentId);
  const quality = qualityIn(choice);
  const hint = quality === null ? "" : QUALITIES[quality].hint;
  const providers = [...new Set(models.map(({ provider }) => provider))];
  return (
    <div className="choices">
      <div>
        <label>
          Agent
          <select
            value={agentId}
            aria-describedby={begun ? "agent-hint" : undefined}
            onChange={({ target }) => onAgent(target.value)}
          >
            {!agents.some(({ id }) => id === agentId) && (
              <option value={agentId} disabled>
                {agentId === "" ? "…" : `${agentId} (unavailable)`}
              </option>
            )}
            {agents.map((agent) => (
              <option key={agent.id} value={agent.id} disabled={!agent.available}>
                {agent.available ? agent.name : `${agent.name} (${agent.unavailableReason ?? "unavailable"})`}
              </option>
            ))}
          </select>
        </label>
        {begun && (
          <p id="agent-hint" className="hint">
            Choosing another agent starts a new chat.
          </p>
        )}
      </div>
      <label>
        Model
        <select value={model} onChange={({ target }) => onModel(target.value)}>
          <option value="">Automatic</option>
          {model !== "" && !models.some(({ id }) => id === model) && (
            <option value={model} disabled>
              {model} (unavailable)
            </option>
          )}
          {providers.map((provider) => (
            <optgroup key={provider} label={provider}>
              {models
                .filter((offered) => offered.provider === provider)
                .map(({ id, name, available }) => (
                  <option key={id} value={id} disabled={!available}>
                    {available ? name : `${name} (unavailable)`}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      </label>
      {agent?.reviewMode !== undefined && (
        <div>
          <label>
            Answer check
            <select
              value={quality ?? ""}
              aria-describedby={hint === "" ? undefined : "quality-hint"}
              onChange={({ target }) => onQuality(target.value as Quality)}
            >
              {quality === null && (
                <option value="" disabled>
                  …
                </option>
              )}
              {Object.entries(QUALITIES).map(([name, { label }]) => (
                <option key={name} value={name}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          {hint !== "" && (
            <p id="quality-hint" className="hint">
              {hint}
            </p>
          )}
        </div>
      )}
    </div>
  );
}
